# rules/skype-uploads.names as a C string. Included after add_library(squelchcore).
set(uploads_names ${CMAKE_CURRENT_SOURCE_DIR}/rules/skype-uploads.names)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${uploads_names})
file(READ ${uploads_names} uploads_bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," uploads_bytes "${uploads_bytes}")
file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/detect/uploads_text.c CONTENT
  "extern const char uploads_text[];\nconst char uploads_text[] = { ${uploads_bytes} 0 };\n")
target_sources(squelchcore PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/detect/uploads_text.c)
