"""What Ray instantiates: each plain class with its log and the calls it is given."""
