"""Traffic redirection of the standalone template: which connections of a pod go through its proxy.

Arguments become a `Capture`, a Capture becomes rules as data, rules become the text of one atomic step for the kernel.
Only `system` touches the machine.
"""
