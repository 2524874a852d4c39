(class_declaration name: (name) @name) @class
(interface_declaration name: (name) @name) @interface
(trait_declaration name: (name) @name) @class
(enum_declaration name: (name) @name) @enum
(function_definition name: (name) @name) @function
(method_declaration name: (name) @name) @method
(const_declaration (const_element (name) @name)) @constant
(namespace_use_declaration) @import
(include_expression (string)) @import
(include_once_expression (string)) @import
(require_expression) @import
(require_once_expression) @import
(comment) @text
(string_content) @text
(text) @text
