# SPDX-License-Identifier: MPL-2.0
#
# Dates, times and names as SQL writes them.

# Parts of dates and times of SQL: 2026-11-30, 14:05:00.
proc ns_parsesqldate {opt sqldate} {
    if {[scan $sqldate {%4d-%2d-%2d} year month day] != 3 || $month < 1 || $month > 12} {
        error "not a date of SQL: \"$sqldate\""
    }
    switch -- $opt {
        month { lindex {January February March April May June July August September October November December} $month-1 }
        day - year { set $opt }
        default { error "unknown option \"$opt\": must be month, day, or year" }
    }
}
proc ns_parsesqltime {opt sqltime} {
    if {[scan $sqltime {%2d:%2d:%2d} hour minute second] != 3} {
        error "not a time of SQL: \"$sqltime\""
    }
    switch -- $opt {
        time {
            set text "[expr {$hour % 12 == 0 ? 12 : $hour % 12}]:[format %02d $minute]"
            if {$second != 0} { append text :[format %02d $second] }
            return $text
        }
        ampm { expr {$hour < 12 ? "AM" : "PM"} }
        default { error "unknown option \"$opt\": must be time, or ampm" }
    }
}
proc ns_parsesqltimestamp {opt sqltimestamp} {
    lassign [split $sqltimestamp] date time
    switch -- $opt {
        month - day - year { ns_parsesqldate $opt $date }
        time - ampm { ns_parsesqltime $opt $time }
        default { error "unknown option \"$opt\": must be month, day, year, time, or ampm" }
    }
}

# The same the other way round; all empty gives nothing.
proc ns_buildsqldate {month day year} {
    if {$month eq "" && $day eq "" && $year eq ""} { return "" }
    if {![string is integer -strict $month]} {
        set month [expr {1 + [lsearch -exact {January February March April May June July August September October November December} $month]}]
    }
    foreach part {month day year} {
        if {![regexp {^0*(\d{1,4})$} [set $part] -> number]} { error "Invalid date: $month $day $year" }
        set $part $number
    }
    set last [lindex {0 31 28 31 30 31 30 31 31 30 31 30 31} $month]
    if {$month == 2 && $year % 4 == 0 && ($year % 100 != 0 || $year % 400 == 0)} { incr last }
    if {$month < 1 || $month > 12 || $day < 1 || $day > $last || $year < 1} { error "Invalid date: $month $day $year" }
    format %04d-%02d-%02d $year $month $day
}
proc ns_buildsqltime {time ampm} {
    if {$time eq "" && $ampm eq ""} { return "" }
    if {![regexp {^0?(\d{1,2}):(\d{2})(?::(\d{2}))?$} $time -> hour minute second] || $ampm ni {AM PM}} { error "Invalid time: $time $ampm" }
    if {$second eq ""} { set second 00 }
    scan "$hour $minute $second" "%d %d %d" hour minute second
    if {$hour < 1 || $hour > 12 || $minute > 59 || $second > 59} { error "Invalid time: $time $ampm" }
    format %02d:%02d:%02d [expr {$hour % 12 + ($ampm eq "PM" ? 12 : 0)}] $minute $second
}
proc ns_buildsqltimestamp {month day year time ampm} {
    string trim "[ns_buildsqldate $month $day $year] [ns_buildsqltime $time $ampm]"
}
proc ns_localsqltimestamp {} {
    clock format [clock seconds] -format {%Y-%m-%d %H:%M:%S}
}

# A name as SQL has it: what is more than letters, digits and dots stands in quotes, those in it doubled.
proc ns_dbquotename name {
    if {$name eq "" || [regexp {^[[:alpha:]_][[:alnum:]_$]*(\.[[:alpha:]_][[:alnum:]_$]*)*$} $name]} { return $name }
    return \"[string map {\" \"\"} $name]\"
}
