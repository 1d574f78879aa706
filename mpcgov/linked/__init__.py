"""What jobs over linked rows mean: public facts only, which every party, the coordinator and readers work out alike."""
