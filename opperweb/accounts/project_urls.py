"""Addresses of a project's settings, below /projects/<project>/."""

from django.urls import path

from opperweb.accounts.pages import keys, members, projects

app_name = "accounts"
urlpatterns = [
    path("settings/", projects.settings_home, name="settings"),
    path("settings/project/", projects.project_settings, name="project"),
    path("settings/keys/", keys.keys, name="keys"),
    path("settings/keys/new/", keys.new_key, name="new-key"),
    path("settings/keys/first/", keys.first_key, name="first-key"),
    path("settings/keys/<uuid:key_id>/revoke/", keys.revoke, name="revoke-key"),
    path("settings/members/", members.members, name="members"),
    path("settings/members/invite/", members.invite, name="invite"),
    path("settings/members/<int:membership_id>/role/", members.change_role, name="change-role"),
    path("settings/members/<int:membership_id>/remove/", members.remove, name="remove-member"),
    path("settings/members/invitations/<int:invitation_id>/withdraw/", members.withdraw, name="withdraw"),
]
