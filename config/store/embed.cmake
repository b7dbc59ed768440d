# cmake -DOUTPUT=F.c -DSCRIPTS=a.lua;b.lua -P embed.cmake: the scripts as C strings, in the order of dd_script.
set(text "/* Made from scripts/ by embed.cmake. */\n#include \"store_private.h\"\n\n")
string(APPEND text "const dd_script_text dd_script_texts[DD_SCRIPTS] = {\n")
foreach(script IN LISTS SCRIPTS)
  get_filename_component(name ${script} NAME_WE)
  file(READ ${script} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" hex "${hex}")
  # Compilers bound a line and a literal's piece: break it after each newline character.
  string(REPLACE "\\x0a" "\\x0a\"\n        \"" hex "${hex}")
  string(APPEND text "    {\"${name}\",\n        \"${hex}\"},\n")
endforeach()
string(APPEND text "};\n")
file(WRITE ${OUTPUT} "${text}")
