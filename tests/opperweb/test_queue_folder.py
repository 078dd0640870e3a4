"""The embedded broker: a folder of messages."""

import pytest
from kombu.connection import Connection

from opperweb import celery


@pytest.fixture
def queue(tmp_path):
    # Celery's module knows the transport by this name.
    assert celery.app
    options = {"data_folder_in": str(tmp_path), "data_folder_out": str(tmp_path), "control_folder": str(tmp_path / "c")}
    # Kombu remembers for the whole process which queue it has announced: one name for each folder.
    with Connection("folder://localhost", transport_options=options) as connection:
        queue = connection.SimpleQueue(tmp_path.name)
        yield queue
        queue.close()


def test_a_message_comes_out_as_it_went_in(queue):
    queue.put({"id": "1"})
    message = queue.get(timeout=5)
    message.ack()
    assert message.payload == {"id": "1"}


def test_no_message_is_lost_or_doubled(queue):
    for number in range(5):
        queue.put(number)
    received = []
    for _ in range(5):
        message = queue.get(timeout=5)
        message.ack()
        received.append(message.payload)
    assert sorted(received) == [0, 1, 2, 3, 4]
    assert queue.qsize() == 0


def test_a_message_half_written_is_not_taken(queue, tmp_path):
    (tmp_path / "1_x.draft").write_text("{")
    with pytest.raises(queue.Empty):
        queue.get(block=False)
