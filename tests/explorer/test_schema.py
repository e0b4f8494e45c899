"""Whatever the API's own description allows to ask is answered, and never by a broken server."""

from hypothesis import HealthCheck, given, settings
from schemathesis import openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from explorer.web import explorer_app
from grail.storage.database import Database
from tests.explorer.conftest import fill

EXAMPLES = 25


def test_every_question_has_an_answer(played, tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'rows.sqlite'}")
    fill(database, played.network)
    schema = openapi.from_asgi("/openapi.json", explorer_app(Database(str(database.engine.url), reader=True)))
    asked = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def answered(case) -> None:
            case.call_and_validate(checks=[not_a_server_error, response_schema_conformance])

        answered()
        asked.add(operation.path)
    assert asked == set(schema.raw_schema["paths"]) and len(asked) > 15
