(class_declaration name: (_) @name) @class
(function_declaration name: (_) @name) @function
(generator_function_declaration name: (_) @name) @function
(method_definition name: (_) @name) @method
(variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression)]) @function
(field_definition property: (_) @name value: [(arrow_function) (function_expression)]) @method
(assignment_expression left: (member_expression property: (property_identifier) @name)
  right: [(arrow_function) (function_expression)]) @function
(program (lexical_declaration (variable_declarator name: (identifier) @name) @constant))
(program (export_statement (lexical_declaration (variable_declarator name: (identifier) @name) @constant)))
(import_statement) @import
(export_statement source: (_)) @import
(call_expression function: (identifier) @called arguments: (arguments . (string)) (#eq? @called "require")) @import
(call_expression function: (import) arguments: (arguments . (string))) @import
(comment) @text
(string_fragment) @text
(jsx_text) @text
(hash_bang_line) @text
