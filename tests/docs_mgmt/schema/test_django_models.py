"""Django models become tables."""

import pytest

from tests.docs_mgmt.schema.files import column, columns, schema_of, table

pytestmark = pytest.mark.plumbing

BASE = """
from django.db import models

class Stamped(models.Model):
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["created"]
"""
SHOP = """
from django.conf import settings
from django.db import models
from core.base import Stamped

class Mixin:
    not_a_column = models.TextField()

class Product(Mixin, Stamped):
    name = models.CharField(max_length=50, db_index=True)
    price = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    tags = models.ManyToManyField("Tag")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="one_name"),
            models.CheckConstraint(condition=models.Q(price__gt=0), name="positive"),
        ]

class Tag(models.Model):
    slug = models.SlugField(primary_key=True, db_column="key")

    class Meta:
        db_table = "labels"

class Special(Product):
    note = models.TextField(default="none")

class Proxy(Product):
    class Meta:
        proxy = True

class Form(forms.Form):
    field = forms.CharField()
"""
FILES = {"core/base.py": BASE, "shop/models.py": SHOP, "manage.py": ""}


def one_model(body: str, base: str = "models.Model") -> dict[str, str]:
    return {"a/models.py": f"from django.db import models\nclass A({base}):\n    {body}\n"}


def test_tables_are_named_by_app_and_model_or_as_they_say() -> None:
    names = [one.name for one in schema_of(FILES).tables]
    assert names == ["labels", "shop_product", "shop_product_tags", "shop_special"]


def test_fields_of_abstract_bases_come_first_and_those_of_other_classes_not_at_all() -> None:
    assert columns(schema_of(FILES), "shop_product") == ["id", "created", "name", "price", "owner_id"]


def test_a_column_tells_its_type_and_whether_it_may_be_null_and_where_it_is_declared() -> None:
    price = column(schema_of(FILES), "price", "shop_product")
    assert (price.type, price.nullable, price.path, price.line) == ("numeric(8,2)", True, "shop/models.py", 11)


def test_an_inherited_column_is_where_the_base_declares_it() -> None:
    created = column(schema_of(FILES), "created", "shop_product")
    assert (created.path, created.line) == ("core/base.py", 5)


def test_a_model_that_extends_another_one_points_to_its_row() -> None:
    schema = schema_of(FILES)
    assert columns(schema, "shop_special") == ["product_ptr_id", "note"]
    assert table(schema, "shop_special").primary_key == ("product_ptr_id",)


def test_a_many_to_many_relation_has_a_table_with_columns_of_the_types_of_the_keys() -> None:
    schema = schema_of(FILES)
    assert columns(schema, "shop_product_tags") == ["id", "product_id", "tag_id"]
    assert column(schema, "tag_id", "shop_product_tags").type == "varchar(50)"


def test_a_reference_to_the_users_goes_where_the_settings_say() -> None:
    files = FILES | {"site/settings.py": 'AUTH_USER_MODEL = "people.Person"'}
    relations = [one for one in schema_of(files).relations if one.from_columns == ("owner_id",)]
    assert [(one.to_table, one.on_delete) for one in relations] == [("people_person", "restrict")]


def test_the_kind_of_ids_is_that_of_the_settings() -> None:
    files = FILES | {"site/settings.py": 'DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"'}
    assert column(schema_of(files), "id", "shop_product").type == "bigint"


def test_the_label_of_an_app_is_the_one_that_it_is_configured_with() -> None:
    files = FILES | {"shop/apps.py": 'class Config(AppConfig):\n    name = "shop"\n    label = "store"\n'}
    assert "store_product" in [one.name for one in schema_of(files).tables]


def test_constraints_are_keys_and_checks_with_their_names() -> None:
    product = table(schema_of(FILES), "shop_product")
    assert [(one.name, one.columns) for one in product.unique_keys] == [("one_name", ("owner_id", "name"))]
    assert [(one.name, one.expression) for one in product.checks] == [("positive", "models.Q(price__gt=0)")]
    assert [one.columns for one in product.indexes] == [("name",), ("owner_id",)]


def test_a_one_to_one_field_is_a_relation_of_that_kind() -> None:
    files = one_model("b = models.OneToOneField('A', models.CASCADE)")
    assert [one.kind for one in schema_of(files).relations] == ["one-to-one"]


def test_the_users_of_a_project_have_the_columns_of_djangos_abstract_user() -> None:
    files = {
        "a/models.py": "from django.contrib.auth.models import AbstractUser\nclass User(AbstractUser):\n    pass\n"
    }
    schema = schema_of(files)
    assert {"password", "username", "date_joined"} <= set(columns(schema, "a_user"))
    assert {one.path for one in table(schema, "a_user").columns} == {"a/models.py"}
    assert "a_user_groups" in [one.name for one in schema.tables]


def test_a_field_of_the_projects_own_is_the_one_that_it_derives_from() -> None:
    files = {
        "lib/fields.py": "from django.db import models\nclass Short(models.CharField):\n    pass\n",
        "a/models.py": "from django.db import models\nfrom lib import fields\n"
        "class A(models.Model):\n    x = fields.Short(max_length=3)\n",
    }
    assert column(schema_of(files), "x", "a_a").type == "varchar(3)"


def test_a_class_that_is_its_own_base_is_no_model() -> None:
    assert (
        schema_of({"a/models.py": "from django.db import models\nclass A(A):\n    x = models.TextField()\n"}).tables
        == ()
    )


def test_models_of_tests_are_not_the_projects() -> None:
    assert (
        schema_of({"tests/models.py": "from django.db import models\nclass A(models.Model):\n    pass\n"}).tables == ()
    )
