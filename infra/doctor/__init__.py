"""Why a bucket's events are not counted, and how to mend it: a module for each thing that is looked at, named by it."""
