"""Run by Alembic for every command: on the connection that the caller holds, inside its transaction."""

from alembic import context

connection = context.config.attributes["connection"]
if connection is None:
    context.configure(dialect_name=context.config.get_main_option("dialect", "sqlite"), literal_binds=True, as_sql=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    context.configure(connection=connection, render_as_batch=connection.dialect.name == "sqlite")
    context.run_migrations()
