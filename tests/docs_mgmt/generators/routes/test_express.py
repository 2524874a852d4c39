"""Routes of Express."""

import pytest

from docs_mgmt.generators.routes.shapes import Route
from tests.docs_mgmt.generators.routes.made import routes, told

pytestmark = pytest.mark.plumbing


def test_a_route_has_its_handler_and_both_places() -> None:
    files = {
        "src/app.js": "const express = require('express');\nconst users = require('./users');\nconst app = express();\n"
        "app.get('/users', check, users.list);\n",
        "src/users.js": "exports.list = (req, res) => {};\n",
    }

    assert routes(files) == [Route("/users", "GET", "users.list", "src/app.js", 4, "express", "src/users.js")]


def test_mounted_routers_have_the_prefixes_above_them() -> None:
    files = {
        "src/main.ts": """
        import express from 'express';
        import api from './api';
        import { admin as hidden } from './admin.js';
        const app = express();
        app.use(cors());
        app.use('/api', auth, api);
        app.use('/admin', hidden);
        app.get('setting');
        """,
        "src/api.ts": """
        import { Router } from 'express';
        import users from './users';
        const inner = Router().use(users);
        export default Router().use('/v1', inner);
        """,
        "src/users.ts": """
        import { Router } from 'express';
        const router = Router();
        router.route('/users/:id').get(show).put(wrap(change));
        router.post('/users', async (req, res) => {});
        export default router;
        """,
        "src/admin.ts": """
        import express from 'express';
        export const admin = express.Router();
        admin.all('/*', (req, res) => {});
        """,
    }

    assert told(files) == [
        "ANY /admin/*",
        "POST /api/v1/users",
        "GET /api/v1/users/:id show",
        "PUT /api/v1/users/:id change",
    ]


def test_a_router_that_a_function_makes_is_found() -> None:
    files = {
        "app.js": "const app = require('express')();\nconst { make } = require('./made');\napp.use('/x', make());\n",
        "made.js": "const { Router } = require('express');\nfunction make() {\n  const r = Router();\n"
        "  r.get('/y', show);\n  return r;\n}\nmodule.exports = { make };\n",
    }

    assert told(files) == ["GET /x/y show"]


def test_what_is_no_express_is_no_route() -> None:
    assert told({"a.js": "import axios from 'axios';\nconst app = axios;\napp.get('/x', options);\n"}) == []
