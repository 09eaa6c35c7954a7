"""All routes."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from webapp.api import observations
from webapp.views import (
    account,
    audit,
    errors,
    frame,
    halt,
    health,
    home,
    language_models,
    reviews,
    runs,
    strategies,
    tables,
    targets,
    team,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("review/", reviews.queue, name="queue"),
    path("candidates/<int:candidate_id>/", reviews.candidate, name="candidate"),
    path("candidates/<int:candidate_id>/decide/", reviews.decide, name="decide"),
    path("candidates/<int:candidate_id>/quarantine/", reviews.judge, name="quarantine"),
    path("runs/", runs.index, name="runs"),
    path("runs/new/", runs.new, name="run-new"),
    path("runs/<int:run_id>/", runs.show, name="run"),
    path("runs/<int:run_id>/live/", runs.live, name="run-live"),
    path("runs/<int:run_id>/candidates/", runs.candidates, name="run-candidates"),
    path("runs/<int:run_id>/scores.csv", runs.scores, name="run-csv"),
    path("runs/<int:run_id>/panels/", runs.panels, name="run-panels"),
    path("runs/<int:run_id>/panels/<str:key>.csv", runs.panel_rows, name="run-panel-csv"),
    path("runs/<int:run_id>/pause/", runs.pause, name="run-pause"),
    path("runs/<int:run_id>/resume/", runs.resume, name="run-resume"),
    path("runs/<int:run_id>/stop/", runs.stop, name="run-stop"),
    path("runs/<int:run_id>/budget/", runs.budget, name="run-budget"),
    path("targets/", targets.index, name="targets"),
    path("targets/new/", targets.new, name="target-new"),
    path("targets/new/table/", tables.new, name="table-new"),
    path("targets/tables/<int:table_id>/", tables.show, name="table"),
    path("targets/imports/<int:import_id>/", targets.imported, name="target-import"),
    path("targets/<str:name>/", targets.show, name="target"),
    path("targets/<str:name>/roll-back/", targets.roll_back, name="target-rollback"),
    path("targets/<str:name>/proposals/<int:proposal_id>/dismiss/", targets.dismiss, name="proposal-dismiss"),
    path("strategies/", strategies.index, name="strategies"),
    path("models/", language_models.index, name="models"),
    path("models/new/", language_models.new, name="model-new"),
    path("models/<str:model>/edit/", language_models.edit, name="model-edit"),
    path("models/<str:model>/test/", language_models.test, name="model-test"),
    path("models/<str:model>/remove/", language_models.remove, name="model-remove"),
    path("audit/", audit.index, name="audit"),
    path("audit/verify/", audit.verify, name="audit-verify"),
    path("audit/key/", audit.key, name="audit-key"),
    path("audit/export/<str:form>/", audit.export, name="audit-export"),
    path("team/", team.show, name="team"),
    path("team/invite/", team.invite, name="team-invite"),
    path("team/policy/", team.choose_policy, name="team-policy"),
    path("team/narrow/", team.narrow, name="team-narrow"),
    path("team/<int:user_id>/role/", team.change_role, name="team-role"),
    path("team/<int:user_id>/link/", team.new_link, name="team-link"),
    path("team/<int:user_id>/lock/", team.lock, name="team-lock"),
    path("team/<int:user_id>/unlock/", team.unlock, name="team-unlock"),
    path("you/", account.show_settings, name="account"),
    path("you/password/", account.change_password, name="account-password"),
    path("you/keyboard/", account.keyboard, name="account-keyboard"),
    path("sign-in/", account.sign_in, name="sign-in"),
    path("sign-out/", account.sign_out, name="sign-out"),
    path("enter/<str:token>/", account.enter, name="enter"),
    path("set-password/", account.set_password, name="set-password"),
    path("frame/", frame.around, name="frame"),
    path("stop/", halt.order, name="halt"),
    path("stop/lift/", halt.lift, name="halt-lift"),
    path("api/v1/targets/<str:name>/observations", observations.feed, name="api-observations"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.broken
