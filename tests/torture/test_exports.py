"""The export of 100,000 people's needs, while consents end."""

import pytest

from tests.exchange.test_exports import (  # noqa: F401 - fixtures and tests of the short form
    charity,
    many,
    test_it_is_packed_for_those_who_say_so,
    test_no_row_of_a_person_comes_after_their_consent_ends,
)


@pytest.fixture(scope="module", autouse=True)
def long_form(torture: bool) -> None:
    """The short form runs where the tests are."""
    if not torture:
        pytest.skip("the long form is asked for with --torture")
