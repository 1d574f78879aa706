"""What a receiver does: asks how a job stands, opens the shares that nodes signed, puts together what is read."""
