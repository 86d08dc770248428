"""The form at the door, and those for members, tokens and passwords."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict

from apps.kernel.forms import ListForm, Refusable, Search
from apps.kernel.hashing import TooManyAtOnce
from apps.kernel.names import NAME
from apps.tenancy import approvals, tries
from apps.tenancy.emails import MOST
from apps.tenancy.models import Role, Scope, User

PASSWORD_LENGTH = 128

#: The status of an answer for each reason why a password was not looked at.
HELD_BACK = {"too-many-tries": 429, "too-many-at-once": 503}


class SignInForm(AuthenticationForm):
    """A name and a password; the password is looked at only when the name and the caller may try."""

    request: HttpRequest
    attempt: tries.Attempt | None = None
    #: For how many seconds to wait, when nothing was looked at.
    wait = 0

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username")
        if username is None or not self.cleaned_data.get("password"):
            return self.cleaned_data
        try:
            self.attempt = tries.attempt(self.request, username)
            return super().clean()
        except tries.TooManyTries as refusal:
            self.wait = refusal.seconds
            message = f"Too many tries have failed. Wait {in_words(self.wait)}, then try again."
            raise ValidationError(message, code="too-many-tries") from None
        except TooManyAtOnce:
            assert self.attempt is not None
            self.attempt.undo()
            self.wait = TooManyAtOnce.RETRY_AFTER
            message = f"Many people are signing in just now. Try again in {in_words(self.wait)}."
            raise ValidationError(message, code="too-many-at-once") from None

    @property
    def held_back(self) -> str:
        """Why nothing was looked at, for people."""
        return str(self.non_field_errors()[0]) if self.wait else ""

    @property
    def status(self) -> int:
        codes = [error.code for error in self.non_field_errors().as_data()]
        return next((HELD_BACK[str(code)] for code in codes if code in HELD_BACK), 200)


class KnownForm(SignInForm):
    """The same beside another form, which may have a password as well."""

    def __init__(self, request: HttpRequest, data: QueryDict | None = None) -> None:
        super().__init__(request, data, auto_id="known_%s")
        del self.fields["username"].widget.attrs["autofocus"]


def in_words(seconds: int) -> str:
    if seconds < 100:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    return f"{-(-seconds // 60)} minutes"


class InviteForm(Refusable):
    email = forms.CharField(
        label="E-mail address",
        max_length=MOST,
        widget=forms.EmailInput({"autocomplete": "off"}),
        help_text="For whom the link is. Whether they have an account already makes no difference.",
        error_messages={"required": "Give an e-mail address."},
    )
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.ENGINEER, widget=forms.RadioSelect)


class RoleForm(Refusable):
    role = forms.ChoiceField(label="Role", choices=Role.choices, widget=forms.RadioSelect)


class TokenForm(Refusable):
    """What somebody may give a token is what they have themselves."""

    name = forms.CharField(
        label="Name",
        widget=forms.TextInput({"maxlength": NAME.most}),
        help_text="What it is for: Terraform, backups.",
        error_messages={"required": "Give a name."},
    )
    scope = forms.ChoiceField(label="Scope", choices=Scope.choices, initial=Scope.READ, widget=forms.RadioSelect)
    days = forms.TypedChoiceField(
        label="Expires",
        choices=[("30", "After 30 days"), ("90", "After 90 days"), ("365", "After a year"), ("", "Never")],
        initial="90",
        required=False,
        coerce=int,
        empty_value=None,
    )

    def __init__(self, data: QueryDict | None = None, *, may_write: bool) -> None:
        super().__init__(data)
        if not may_write:
            self.fields["scope"].choices = [(Scope.READ, Scope.READ.label)]  # type: ignore[attr-defined]


class NewPasswordForm(Refusable):
    """A password, twice, that is hard to guess."""

    password = forms.CharField(
        label="New password",
        max_length=PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text="At least 12 characters.",
        error_messages={"required": "Give a password."},
    )
    again = forms.CharField(
        label="Password again",
        max_length=PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        error_messages={"required": "Type the password a second time."},
    )

    def __init__(self, user: User, data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.user = user

    def clean(self) -> dict[str, Any]:
        password, again = self.cleaned_data.get("password"), self.cleaned_data.get("again")
        if password and again and password != again:
            self.add_error("again", "This is not the same password.")
        elif password:
            try:
                validate_password(password, self.user)
            except ValidationError as error:
                self.add_error("password", error)
        return self.cleaned_data


class ChangePasswordForm(NewPasswordForm):
    """With the old one, which is tried like one at the door."""

    old = forms.CharField(
        label="Current password",
        max_length=PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
        error_messages={"required": "Give your current password."},
    )
    field_order = ("old", "password", "again")
    attempt: tries.Attempt | None = None
    wait = 0

    def __init__(self, request: HttpRequest, user: User, data: QueryDict | None = None) -> None:
        super().__init__(user, data)
        self.request = request

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        if not self.errors:
            self._try(values["old"])
        return values

    def _try(self, old: str) -> None:
        try:
            self.attempt = tries.attempt(self.request, self.user.username)
            if not self.user.check_password(old):
                self.add_error("old", "This is not your current password.")
        except tries.TooManyTries as refusal:
            self.wait = refusal.seconds
            self.add_error("old", f"Too many tries have failed. Wait {in_words(self.wait)}, then try again.")
        except TooManyAtOnce:
            assert self.attempt is not None
            self.attempt.undo()
            self.wait = TooManyAtOnce.RETRY_AFTER
            self.add_error("old", f"Many people are signing in just now. Try again in {in_words(self.wait)}.")


class PeopleListForm(ListForm):
    q = Search("user or e-mail")
    nothing = "Nobody has these words in user name or e-mail address."


class MemberListForm(ListForm):
    q = Search("user or e-mail")
    nothing = "No member has these words in user name or e-mail address."


class DecisionForm(Refusable):
    """Of one thing that waits for the platform. A rejection has a reason; of an approval none is kept."""

    id = forms.UUIDField(widget=forms.HiddenInput, error_messages={"required": "Press a button of the list."})
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=500,
        widget=forms.TextInput({"maxlength": 500, "autocomplete": "off", "data-kept": "", "placeholder": "Reason"}),
    )
    verdict = forms.ChoiceField(
        choices=[(each, each) for each in approvals.VERDICTS],
        error_messages={"required": "Approve it or reject it.", "invalid_choice": "Approve it or reject it."},
    )

    def __init__(self, data: QueryDict | None = None, pk: UUID | None = None) -> None:
        self.pk = str(pk) if data is None else data.get("id", "")
        super().__init__(data, auto_id=f"decision-{self.pk}-%s")

    @property
    def words(self) -> str:
        return " ".join(str(each) for told in self.errors.values() for each in told)

    def clean(self) -> None:
        said = self.cleaned_data
        if said.get("verdict") == "approve":
            said["reason"] = ""
        elif said.get("verdict") == "reject" and not said.get("reason") and "reason" not in self.errors:
            self.add_error("reason", "Say why it is rejected: whoever asked for it reads that.")
