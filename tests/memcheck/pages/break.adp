before <% ns_adp_break %> not here
