(create_table (object_reference name: (_) @name)) @type
(create_view (object_reference name: (_) @name)) @type
(create_materialized_view (object_reference name: (_) @name)) @type
(create_type (object_reference name: (_) @name)) @type
(create_function (object_reference name: (_) @name)) @function
(create_trigger (object_reference name: (_) @name)) @function
(comment) @text
(marginalia) @text
