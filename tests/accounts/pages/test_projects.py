"""The way to a project and its own settings."""

from opperweb.accounts.models import Project, User

SETTINGS = "/projects/acme/settings/"


def test_an_owner_names_the_project_and_its_zone(alice_client, project):
    alice_client.post(SETTINGS + "project/", {"name": "Acme Ltd", "time_zone": "Europe/Oslo"})
    project.refresh_from_db()
    assert (project.name, project.time_zone, project.slug) == ("Acme Ltd", "Europe/Oslo", "acme")


def test_a_zone_that_does_not_exist_is_refused(alice_client, project):
    response = alice_client.post(SETTINGS + "project/", {"name": "", "time_zone": "Moon/Base"})
    assert "error-list" in response.content.decode()
    project.refresh_from_db()
    assert project.time_zone == "UTC"


def test_settings_open_on_what_one_may_see(alice_client, bob_client):
    assert alice_client.get(SETTINGS)["Location"] == SETTINGS + "project/"
    assert bob_client.get(SETTINGS)["Location"] == SETTINGS + "members/"


def test_an_owner_may_make_another_project(alice, alice_client, bob_client):
    response = alice_client.post("/projects/new/", {"name": "River Works", "time_zone": "UTC"})
    assert response["Location"] == "/projects/river-works/traces/"
    assert Project.objects.get(slug="river-works").memberships.get().user == alice
    assert bob_client.get("/projects/new/").status_code == 403


def test_who_has_no_project_is_told_so(client, db):
    client.force_login(User.objects.create_user("dora@example.com"))
    page = client.get("/")
    assert page.status_code == 200
    assert "No project yet" in page.content.decode()
    assert client.get("/account/").status_code == 200


def test_an_address_shortened_to_the_project_leads_to_its_traces(alice_client, charlie_client):
    assert alice_client.get("/projects/acme/").headers["location"] == "/projects/acme/traces/"
    assert charlie_client.get("/projects/acme/").status_code == 404
