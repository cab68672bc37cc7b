<% ns_adp_return value %>not here
