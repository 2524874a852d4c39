"""TypeORM's entities and migrations become tables."""

import pytest

from tests.docs_mgmt.schema.files import column, columns, schema_of, table

pytestmark = pytest.mark.plumbing

ENTITIES = """
import { Entity, Column } from 'typeorm'

export abstract class Base {
  @PrimaryGeneratedColumn('uuid')
  id: string

  @CreateDateColumn()
  createdAt: Date
}

class Name {
  @Column()
  first: string
}

@Entity({ name: 'users' })
@Index(['email', 'org'], { unique: true })
export class User extends Base {
  @Column({ type: 'varchar', length: 20, nullable: true, default: 'x' })
  email?: string | null

  @Column(() => Name)
  name: Name

  @ManyToOne(() => Org, (org) => org.users, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'org_id' })
  org: Org

  @ManyToMany(() => Org)
  @JoinTable()
  orgs: Org[]

  helper() { return 1 }
}

@Entity()
export class Org extends Base {
  @Column('int')
  size: number

  @OneToMany(() => User, (user) => user.org)
  users: User[]

  @OneToOne(() => User)
  @JoinColumn()
  boss: User
}
"""
MIGRATION = """
import { MigrationInterface, QueryRunner, Table, TableColumn } from 'typeorm'
export class Init1600000000000 implements MigrationInterface {
  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`CREATE TABLE "a" ("id" uuid NOT NULL, "x" int, PRIMARY KEY ("id"))`)
    await queryRunner.createTable(new Table({ name: 'b', columns: [{ name: 'id', type: 'int', isPrimary: true }] }))
    await queryRunner.addColumn('b', new TableColumn({ name: 'y', type: 'varchar', length: '9', isNullable: true }))
    await queryRunner.dropColumn('a', 'x')
  }
  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE "a"`)
  }
}
"""
FILES = {"package.json": "{}", "src/entities.ts": ENTITIES}


def test_entities_are_tables_by_their_given_or_their_own_names() -> None:
    assert [one.name for one in schema_of(FILES).tables] == ["org", "users", "users_orgs_org"]


def test_columns_are_those_of_bases_of_embedded_classes_and_of_relations() -> None:
    assert columns(schema_of(FILES), "users") == ["id", "createdAt", "email", "nameFirst", "org_id"]
    assert columns(schema_of(FILES), "org") == ["id", "createdAt", "size", "bossId"]


def test_a_column_has_its_type_default_and_line() -> None:
    schema = schema_of(FILES)
    email = column(schema, "email", "users")
    assert (email.type, email.nullable, email.default, email.line) == ("varchar(20)", True, "'x'", 21)
    assert (column(schema, "org_id", "users").type, column(schema, "createdAt", "users").type) == ("uuid", "timestamp")


def test_relations_and_keys_use_the_names_of_columns() -> None:
    schema = schema_of(FILES)
    found = {(one.from_table, one.from_columns): (one.to_table, one.kind, one.on_delete) for one in schema.relations}
    assert found["users", ("org_id",)] == ("org", "many-to-one", "cascade")
    assert found["org", ("bossId",)] == ("users", "one-to-one", None)
    assert [one.columns for one in table(schema, "users").unique_keys] == [("email", "org_id")]


def test_a_many_to_many_relation_is_a_table() -> None:
    assert columns(schema_of(FILES), "users_orgs_org") == ["usersId", "orgId"]


def test_a_naming_strategy_writes_names_in_snake_case() -> None:
    files = FILES | {"src/data.ts": "import 'typeorm'\nnew DataSource({ namingStrategy: new SnakeNamingStrategy() })"}
    assert columns(schema_of(files), "users") == ["id", "created_at", "email", "name_first", "org_id"]


def test_migrations_are_replayed_from_sql_and_from_calls() -> None:
    schema = schema_of({"package.json": "{}", "src/migration/1600000000000-Init.ts": MIGRATION})
    assert [(one.name, columns(schema, one.name)) for one in schema.tables] == [("a", ["id"]), ("b", ["id", "y"])]
    assert column(schema, "y", "b").type == "varchar(9)"


def test_sql_in_a_migration_has_its_own_lines() -> None:
    text = MIGRATION.replace('`CREATE TABLE "a" (', '\n`CREATE TABLE "a" (\n')
    found = column(schema_of({"package.json": "{}", "src/migration/1600000000000-Init.ts": text}), "id", "a")
    assert text.splitlines()[found.line - 1].startswith('"id" uuid')
