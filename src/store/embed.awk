# SPDX-License-Identifier: Apache-2.0
# Turns SQL files into C: those named NNNN-name.sql into the table `migrations` of store/migrate.h, and behind them one with
# another name, which is the text `rights`.
BEGIN {
    print "/* SPDX-License-Identifier: Apache-2.0 */"
    print "/* Made by embed.awk from schema/; do not edit. */"
    print "#include \"store/migrate.h\"\n\nconst Migration migrations[] = {"
}
FNR == 1 && FILENAME !~ /[0-9]-[^\/]*$/ {
    print "    },\n    {},\n};\n\nconst char rights[] ="
    is_text = 1
}
FNR == 1 && !is_text {
    if (NR > 1)
        print "    },"
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\.sql$/, "", name)
    printf "    {\n        .number = %d,\n        .name = \"%s\",\n        .sql =\n", substr(name, 1, 4) + 0, substr(name, 6)
}
# Programs called awk disagree about backslashes in replacements; SQL can do without them.
/\\/ {
    print FILENAME ":" FNR ": a backslash cannot be embedded" > "/dev/stderr"
    exit 1
}
{
    gsub(/"/, "\\\"")
    printf "            \"%s\\n\"\n", $0
}
END { print "    ;" }
