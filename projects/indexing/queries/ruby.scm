(class name: (_) @name) @class
(module name: (_) @name) @module
(method name: (_) @name) @method
(singleton_method name: (_) @name) @method
(assignment left: (constant) @name) @constant
(call method: (identifier) @called arguments: (argument_list . (string))
  (#any-of? @called "require" "require_relative" "load" "autoload")) @import
(comment) @text
(heredoc_content) @text
(string_content) @text
