"""A guesser has to wait; the person they guess at does not."""

from opperweb.accounts.throttle import MOST_FOR_ADDRESS, MOST_FOR_EMAIL, WINDOW_SECONDS, SignInThrottle


def test_the_sixth_attempt_at_one_address_has_to_wait():
    waits = [SignInThrottle("10.0.0.1", "ada@example.com").begin() for _ in range(MOST_FOR_EMAIL + 1)]
    assert waits[:-1] == [0] * MOST_FOR_EMAIL
    assert 0 < waits[-1] <= WINDOW_SECONDS


def test_the_case_of_the_address_makes_no_difference():
    for number in range(MOST_FOR_EMAIL):
        SignInThrottle("10.0.0.1", "ada@example.com" if number % 2 else "ADA@example.com ").begin()
    assert SignInThrottle("10.0.0.1", "Ada@Example.com").begin() > 0


def test_somebody_elsewhere_is_not_kept_out_by_a_guesser():
    for _ in range(MOST_FOR_EMAIL + 5):
        SignInThrottle("10.0.0.1", "ada@example.com").begin()
    assert SignInThrottle("10.0.0.2", "ada@example.com").begin() == 0


def test_one_network_address_cannot_try_many_people():
    for number in range(MOST_FOR_ADDRESS):
        assert SignInThrottle("10.0.0.1", f"{number}@example.com").begin() == 0
    assert SignInThrottle("10.0.0.1", "another@example.com").begin() > 0


def test_success_forgets_the_failures():
    for _ in range(MOST_FOR_ADDRESS * 2):
        throttle = SignInThrottle("10.0.0.1", "ada@example.com")
        assert throttle.begin() == 0
        throttle.succeed()
