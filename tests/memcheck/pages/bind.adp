<% if {[ns_adp_argc] == 2} { ns_adp_bind_args a b; ns_adp_puts $a$b } %>text
