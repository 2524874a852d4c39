"""Laravel's migrations and dumps become tables."""

import pytest

from tests.docs_mgmt.schema.files import column, columns, schema_of, table

pytestmark = pytest.mark.plumbing


def migration(body: str) -> str:
    return f"""<?php
use Illuminate\\Database\\Migrations\\Migration;
return new class extends Migration {{
    const TABLE = 'named';
    public function up(): void {{
        {body}
    }}
    public function down(): void {{
        Schema::dropIfExists('posts');
    }}
}};
"""


FIRST = migration("""
        Schema::create('posts', function (Blueprint $table) {
            $table->id();
            $table->foreignIdFor(User::class)->constrained()->cascadeOnDelete();
            $table->foreignId('category_id')->nullable()->constrained();
            $table->string('title', 50)->unique();
            $table->decimal('price', 10, 3)->default(0);
            $table->morphs('owner');
            $table->rememberToken();
            $table->timestamps();
            $table->softDeletes();
            $table->index(['title', 'price'], 'both');
        });
""")
SECOND = migration("""
        Schema::table('posts', function (Blueprint $table) {
            $table->dropColumn(['remember_token']);
            $table->renameColumn('title', 'name');
            $table->text('price')->nullable()->change();
            $table->dropIndex('both');
            $table->unsignedBigInteger('shop_id');
            $table->foreign('shop_id')->references('id')->on('shops')->onDelete('set null');
        });
        Schema::create(self::TABLE, fn (Blueprint $table) => $table->uuid('id')->primary());
        DB::statement('ALTER TABLE posts ADD COLUMN raw_one json');
""")
FILES = {
    "artisan": "",
    "database/migrations/2020_01_01_000000_a.php": FIRST,
    "database/migrations/2020_01_02_000000_b.php": SECOND,
    "app/Models/User.php": "<?php class User extends Model { use HasUuids; protected $table = 'people'; }",
}


def test_the_methods_of_a_blueprint_make_columns() -> None:
    first = {path: text for path, text in FILES.items() if "b.php" not in path}
    expected = ["id", "user_id", "category_id", "title", "price", "owner_type", "owner_id", "remember_token",
                "created_at", "updated_at", "deleted_at"]  # fmt: skip
    assert columns(schema_of(first), "posts") == expected


def test_a_reference_to_a_model_has_the_type_of_its_key_and_goes_to_its_table() -> None:
    schema = schema_of(FILES)
    assert column(schema, "user_id", "posts").type == "uuid"
    found = {one.from_columns[0]: (one.to_table, one.on_delete) for one in schema.relations}
    assert found == {
        "category_id": ("categories", None), "shop_id": ("shops", "set null"), "user_id": ("people", "cascade"),
    }  # fmt: skip


def test_later_migrations_change_the_table() -> None:
    schema = schema_of(FILES)
    expected = ["id", "user_id", "category_id", "name", "price", "owner_type", "owner_id", "created_at",
                "updated_at", "deleted_at", "shop_id", "raw_one"]  # fmt: skip
    assert columns(schema, "posts") == expected
    price = column(schema, "price", "posts")
    assert (price.type, price.nullable) == ("text", True)
    assert "both" not in [one.name for one in table(schema, "posts").indexes]
    assert [one.columns for one in table(schema, "posts").unique_keys] == [("name",)]


def test_a_table_may_be_named_by_a_constant_and_made_by_an_arrow_function() -> None:
    assert table(schema_of(FILES), "named").primary_key == ("id",)


def test_a_table_whose_name_is_not_to_be_seen_is_told_of() -> None:
    text = migration("Schema::create(config('x.table'), function ($t) { $t->id(); });")
    schema = schema_of({"database/migrations/2020_01_01_000000_a.php": text})
    assert (schema.tables, [one.line for one in schema.unread]) == ((), [6])


def test_a_dump_is_believed_with_the_migrations_that_it_does_not_name() -> None:
    dump = """
    CREATE TABLE `posts` (`id` bigint unsigned NOT NULL, `title` varchar(50) NOT NULL, PRIMARY KEY (`id`));
    INSERT INTO `migrations` VALUES (1,'2020_01_01_000000_a',1);
    """
    schema = schema_of(FILES | {"database/schema/mysql-schema.sql": dump})
    assert columns(schema, "posts") == ["id", "name", "shop_id", "raw_one"]
    assert table(schema, "posts").source_kind == "laravel-schema"
    assert "user_id" in [one.column for one in schema.disagreements]


def test_sql_in_a_migration_has_its_own_lines() -> None:
    text = migration("""DB::unprepared(
            '
            CREATE TABLE raws (
                id int DEFAULT nextval(\\'a_seq\\'::regclass)
            )'
        );""")
    found = column(schema_of({"database/migrations/2020_01_01_000000_a.php": text}), "id", "raws")
    assert (found.line, text.splitlines()[found.line - 1].split()[0]) == (9, "id")
