"""Forms: what people may type, with defaults that work and sentences that help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms

from improvement.broker.configuration import ADDRESSES, Dialect, ModelConfig
from improvement.engine.budget import Limit
from improvement.engine.packages import Setting, StrategyPackage, join
from improvement.exceptions import Invalid, StrategyError

LARGEST_UPLOAD_MB = 20


class SignInForm(forms.Form):
    """Name and password."""

    name = forms.CharField(
        label="Name", max_length=80, widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = forms.CharField(
        label="Password", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class FirstPasswordForm(forms.Form):
    """A password, typed twice."""

    new = forms.CharField(
        label="New password",
        strip=False,
        help_text="At least 10 characters, not only digits, and not a common one.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="The same again", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def clean(self) -> dict[str, Any]:
        """Check that both are the same."""
        data = super().clean() or {}
        if data.get("new") and data.get("again") and data["new"] != data["again"]:
            self.add_error("again", "The two are not the same.")
        return data


class PasswordForm(FirstPasswordForm):
    """A new password, for somebody who has one already."""

    current = forms.CharField(
        label="Current password", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    field_order = ["current", "new", "again"]


class NewRunForm(forms.Form):
    """With which strategy a target is improved, and for how long; the target itself is chosen before."""

    target = forms.ChoiceField(widget=forms.HiddenInput)
    strategy = forms.ChoiceField(label="Strategy", widget=forms.RadioSelect)
    also = forms.MultipleChoiceField(required=False)
    budget = forms.IntegerField(
        label="Evaluations",
        min_value=1,
        initial=300,
        help_text="How many candidates are measured. Confirming the best ones comes on top, within an allowance.",
    )
    seconds = forms.IntegerField(
        label="Seconds",
        required=False,
        min_value=1,
        help_text="Ends the search after running so long, even when evaluations are left. Waiting does not count.",
    )
    cpu_seconds = forms.IntegerField(
        label="CPU seconds",
        required=False,
        min_value=1,
        help_text="What all evaluations together may cost the processor. Ends the search, as seconds do.",
    )
    tokens = forms.IntegerField(
        label="Tokens", required=False, min_value=1, help_text="What a strategy that asks language models may use."
    )
    usd = forms.DecimalField(
        label="Dollars",
        required=False,
        min_value=Decimal("0.000001"),
        max_digits=13,
        decimal_places=6,
        help_text="What those models may cost, such as 2.50.",
    )
    models = forms.MultipleChoiceField(label="Language models", required=False, widget=forms.CheckboxSelectMultiple)
    seed = forms.IntegerField(
        label="Seed",
        required=False,
        min_value=0,
        max_value=2**63 - 1,
        help_text="The same seed, strategy and target give the same candidates. Empty: a fresh one.",
    )

    def __init__(
        self,
        *args: Any,
        targets: Sequence[str],
        packages: Sequence[StrategyPackage],
        models: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._packages = {package.name: package for package in packages}
        known = list(self._packages)
        for name, choices in (("target", targets), ("strategy", known), ("also", known), ("models", models)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [(choice, choice) for choice in choices]
        for package in packages:
            for setting, default in package.parameters.items():
                self.fields[_field_of(package, setting)] = _setting_field(setting, default, package)

    def settings_of(self, package: StrategyPackage) -> list[forms.BoundField]:
        """Return the fields of a strategy's settings."""
        return [self[_field_of(package, setting)] for setting in package.parameters]

    def limits(self) -> dict[Limit, int]:
        """Return every limit that was given, but the number of evaluations."""
        return _given_limits(self.cleaned_data, "seconds", "cpu_seconds", "tokens")

    def clean(self) -> dict[str, Any]:
        """Put the chosen strategies together as ``package`` with ``settings``; an empty one keeps its default."""
        data = super().clean() or {}
        if "strategy" not in data:
            return data
        names = dict.fromkeys([data["strategy"], *data.get("also", [])])
        try:
            package = join([self._packages[name] for name in names])
        except StrategyError as problem:
            self.add_error(None, problem.message)
            return data
        data["package"], data["settings"] = package, self._settings(package, data)
        data["models"] = ",".join(data.get("models", [])) if package.asks_for_help else ""
        return data

    def _settings(self, package: StrategyPackage, data: dict[str, Any]) -> dict[str, Setting]:
        """Read a strategy's settings, and put what is wrong beside its field."""
        read: dict[str, Setting] = {}
        for setting in package.parameters:
            field = _field_of(package, setting)
            if not data.get(field):
                continue
            try:
                read[setting] = package.settings({setting: data[field]})[setting]
            except StrategyError as problem:
                self.add_error(field, problem.message)
        return read


class LimitsForm(forms.Form):
    """Other limits for a run, and why; what is left empty stays as it is."""

    evaluations = forms.IntegerField(label="Evaluations", required=False, min_value=1)
    seconds = forms.IntegerField(label="Seconds", required=False, min_value=1)
    cpu_seconds = forms.IntegerField(label="CPU seconds", required=False, min_value=1)
    tokens = forms.IntegerField(label="Tokens", required=False, min_value=1)
    usd = forms.DecimalField(
        label="Dollars", required=False, min_value=Decimal("0.000001"), max_digits=13, decimal_places=6
    )
    reason = forms.CharField(label="Reason", max_length=4000, help_text="Why it is worth more. It goes into the trail.")

    def limits(self) -> list[forms.BoundField]:
        """Return the fields of the limits."""
        return [self[name] for name in self.fields if name != "reason"]

    def given(self) -> dict[Limit, int]:
        """Return the limits that were given."""
        return _given_limits(self.cleaned_data, "evaluations", "seconds", "cpu_seconds", "tokens")


def _given_limits(data: Mapping[str, Any], *names: str) -> dict[Limit, int]:
    """Return the limits that a form holds in fields of their names; money is given in dollars."""
    given = {Limit(name): int(data[name]) for name in names if data[name] is not None}
    return given if data["usd"] is None else {**given, Limit.MICROUSD: int(data["usd"].scaleb(6))}


def _field_of(package: StrategyPackage, setting: str) -> str:
    """Return the name of a setting's field; where several share a run it is the setting's own name."""
    return setting if package.members else f"{package.name}.{setting}"


def _explained(setting: str, package: StrategyPackage) -> str:
    """Return what a setting means, with the least and the most of a number."""
    told, allowed = package.help.get(setting, ""), package.allowed.get(setting, ())
    if not allowed or isinstance(allowed[0], str):
        return told
    least, most = (f"{one:,}" if isinstance(one, int) else f"{one:g}" for one in allowed)
    return f"{told} From {least} to {most}.".strip()


def _setting_field(setting: str, default: Setting, package: StrategyPackage) -> forms.Field:
    """Return how a setting is asked for: as one of some choices, or as text that the package itself reads."""
    help_text = _explained(setting, package)
    if isinstance(default, str) and setting in package.allowed:
        named = [(str(one), str(one)) for one in package.allowed[setting]]
        return forms.ChoiceField(label=setting, required=False, choices=named, initial=default, help_text=help_text)
    if isinstance(default, bool):
        choices = [("true", "yes"), ("false", "no")]
        initial = str(default).lower()
        return forms.ChoiceField(label=setting, required=False, choices=choices, initial=initial, help_text=help_text)
    return forms.CharField(label=setting, required=False, max_length=200, initial=default, help_text=help_text)


class ImportTargetForm(forms.Form):
    """A target to import: an archive from this computer, or a directory on the server."""

    FORMATS = (
        ("auto", "Find out from the files"),
        ("countersign", "Countersign: a countersign.toml"),
        ("openevolve", "OpenEvolve: initial_program, evaluator.py, config.yaml"),
        ("shinka", "ShinkaEvolve: initial, evaluate.py"),
    )

    upload = forms.FileField(
        label="Archive from this computer",
        required=False,
        help_text=f"A .zip, .tar or .tar.gz of the folder, at most {LARGEST_UPLOAD_MB} MB.",
        widget=forms.ClearableFileInput(attrs={"accept": ".zip,.tar,.tar.gz,.tgz"}),
    )
    path = forms.CharField(
        label="Or a directory on the server",
        required=False,
        max_length=500,
        widget=forms.TextInput(
            attrs={"placeholder": "/home/you/my-task", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    format = forms.ChoiceField(label="Format", choices=FORMATS, initial="auto")
    name = forms.CharField(
        label="Name", required=False, max_length=80, help_text="Empty: the name in the manifest, or that of the folder."
    )

    def __init__(self, *args: Any, roots: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if roots:
            self.fields["path"].help_text = f"A folder below {' or '.join(roots)} on the machine of the server."
        else:
            del self.fields["path"]

    def clean(self) -> dict[str, Any]:
        """Check that there is exactly one source."""
        data = super().clean() or {}
        if "path" not in self.fields:
            if not data.get("upload") and not self.errors:
                raise forms.ValidationError("Choose an archive to upload.")
            return data
        if bool(data.get("upload")) == bool(data.get("path")) and not self.errors:
            raise forms.ValidationError("Choose an archive or name a directory on the server: one of the two.")
        return data


class InvitationForm(forms.Form):
    """Somebody new, and what they may do."""

    name = forms.CharField(
        label="Name",
        max_length=80,
        help_text="What the trail calls them: letters, digits and _ . @ + -",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    role = forms.CharField(label="Role", initial="reviewer")


class NarrowForm(forms.Form):
    """Whose role is narrowed on which target; an empty role is the one in the installation."""

    person = forms.IntegerField(min_value=1)
    target = forms.CharField(max_length=80)
    role = forms.CharField(required=False)


class LanguageModelForm(forms.Form):
    """A language model: where it is, what it costs, and its key, which is never shown again.

    With ``known`` the form changes that model, whose name stays. Once it is valid, ``config`` is what it states.
    """

    DIALECTS = (
        (Dialect.COMPATIBLE.value, "OpenAI-compatible: vLLM, Ollama, llama.cpp …"),
        (Dialect.OPENAI.value, "OpenAI"),
        (Dialect.ANTHROPIC.value, "Anthropic"),
        (Dialect.GEMINI.value, "Google Gemini"),
        (Dialect.XAI.value, "xAI"),
    )
    config: ModelConfig

    name = forms.CharField(
        label="Name",
        max_length=60,
        help_text="What runs call it: small letters, digits and . _ -",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    dialect = forms.ChoiceField(label="Server", choices=DIALECTS, initial=Dialect.OPENAI.value)
    address = forms.CharField(
        label="Address",
        required=False,
        max_length=300,
        help_text="Up to the version, such as http://127.0.0.1:11434/v1. Empty: the provider's own.",
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "https://"}),
    )
    private = forms.BooleanField(label="The address is one of this machine or network", required=False)
    model = forms.CharField(
        label="Model",
        max_length=120,
        help_text="What the server calls it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    key = forms.CharField(
        label="Key",
        required=False,
        max_length=400,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    price_in = forms.DecimalField(
        label="US dollars for a million tokens in", min_value=0, max_digits=12, decimal_places=6, initial=0
    )
    price_out = forms.DecimalField(
        label="US dollars for a million tokens out", min_value=0, max_digits=12, decimal_places=6, initial=0
    )
    max_tokens = forms.IntegerField(label="Longest answer, in tokens", min_value=1, initial=8192)
    seconds = forms.IntegerField(label="Longest wait, in seconds", min_value=1, initial=180)
    requests_per_minute = forms.IntegerField(label="Requests a minute", min_value=1, initial=60)

    def __init__(self, *args: Any, known: ModelConfig | None = None, **kwargs: Any) -> None:
        stated: dict[str, Any] = {"initial": _stated(known)} if known else {}
        super().__init__(*args, **{**stated, **kwargs})
        self.fields["name"].disabled = known is not None
        self.fields["key"].help_text = "Stored sealed, and never shown again. " + (
            "Empty: the stored one stays." if known else "Empty for a server that wants none."
        )

    def clean(self) -> dict[str, Any]:
        """Read what is stated into ``config``, and put what makes no sense above the form."""
        data = super().clean() or {}
        if self.errors:
            return data
        dialect = Dialect(data["dialect"])
        address = data["address"].strip() or ADDRESSES.get(dialect)
        if address is None:
            self.add_error("address", "A compatible server has no usual address: say where it is.")
            return data
        rest = {name: data[name] for name in _REST}
        try:
            self.config = ModelConfig(dialect=dialect, base_url=address, **rest)
        except Invalid as problem:
            self.add_error(None, problem.message)
        return data


_REST = ("name", "model", "price_in", "price_out", "max_tokens", "seconds", "requests_per_minute", "private")


def _stated(config: ModelConfig) -> dict[str, Any]:
    """Return what the form shows of a model; its key is not among it."""
    address = "" if config.base_url == ADDRESSES.get(config.dialect) else config.base_url
    shown = {name: getattr(config, name) for name in _REST}
    prices = {name: f"{shown[name].normalize():f}" for name in ("price_in", "price_out")}
    return {**shown, **prices, "dialect": config.dialect.value, "address": address}
