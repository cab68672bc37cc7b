# recvwait is short enough to wait for.
ns_section ns/module/nssock { ns_param recvwait 1s }
