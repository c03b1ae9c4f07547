"""The parts of a decision about one Task, in the order in which `cronwright_operator.decide` puts them together. All
pure.

- `runs`: how far the runs and windows are, and which ends the operator has to report
- `spec`: what becomes of the Task's spec
- `status`: what its status says next, and which of it is worth a Kubernetes Event
- `claims`: which ticks of a loop the operator has to account for
- `jobs`: which Jobs are to be ended or deleted
- `again`: when to look again
"""
