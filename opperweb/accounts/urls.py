"""Addresses of people: signing in and out, their account, their projects, and the links that invite them."""

from django.urls import path

from opperweb.accounts.pages import account, joining, projects, signing

urlpatterns = [
    path("", projects.home, name="home"),
    path("login/", signing.sign_in, name="login"),
    path("logout/", signing.sign_out, name="logout"),
    path("account/", account.account, name="account"),
    path("account/password/", account.password, name="password"),
    path("account/preferences/", account.preferences, name="preferences"),
    path("projects/new/", projects.new_project, name="new-project"),
    path("projects/<slug:project>/", projects.project_home, name="project-home"),
    path("invitations/<str:secret>/", joining.invitation, name="invitation"),
]
