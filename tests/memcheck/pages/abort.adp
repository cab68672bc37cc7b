before <% if {[ns_queryget how] eq ""} { ns_adp_abort } else { ns_tcl_abort } %> not here
