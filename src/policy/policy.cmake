# The scanner and the grammar of the rules, and the built-in rules. Included after add_library(squelchcore).
set(policy_dir ${CMAKE_CURRENT_BINARY_DIR}/policy)
file(MAKE_DIRECTORY ${policy_dir})

bison_target(squelch_rules ${CMAKE_CURRENT_SOURCE_DIR}/src/policy/rules.y ${policy_dir}/rules_parse.c
  DEFINES_FILE ${policy_dir}/rules_parse.h COMPILE_FLAGS "-Wall -Werror")
flex_target(squelch_rules ${CMAKE_CURRENT_SOURCE_DIR}/src/policy/rules.l ${policy_dir}/rules_scan.c)
add_flex_bison_dependency(squelch_rules squelch_rules)

# rules/default.rules as a C string, byte by byte: nothing in the file needs escaping
set(policy_default ${CMAKE_CURRENT_SOURCE_DIR}/rules/default.rules)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${policy_default})
file(READ ${policy_default} policy_bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," policy_bytes "${policy_bytes}")
file(GENERATE OUTPUT ${policy_dir}/default_rules.c CONTENT
  "extern const char policy_default_text[];\nconst char policy_default_text[] = { ${policy_bytes} 0 };\n")

target_sources(squelchcore PRIVATE ${BISON_squelch_rules_OUTPUTS} ${FLEX_squelch_rules_OUTPUTS}
  ${policy_dir}/default_rules.c)
target_include_directories(squelchcore PRIVATE ${policy_dir})
# the skeletons of flex and bison are not ours to clean
set_source_files_properties(${policy_dir}/rules_scan.c ${policy_dir}/rules_parse.c PROPERTIES
  COMPILE_OPTIONS "-Wno-sign-compare;-Wno-unused-function;-Wno-unused-but-set-variable;-Wno-missing-prototypes;-Wno-shadow")
