"""The refusals of the API: HTTP status, class number and text (cloudstack-api.md 2.1).

Texts that the fact sheet does not quote are plain words (unverified), here and wherever they are raised.

ApiError
├── BadRequest           400
├── Unauthorized         401
├── WrongMethod          405
├── TooManyCalls         429
├── Malformed            430  brackets that cannot be read
├── BadParameter         431  the parameter itself is unreadable, missing or names nothing
├── InvalidValue         431  a business rule refuses it
├── Unsupported          432  the role lacks the command, or a session names an unknown one
├── InternalError        530  what went wrong inside; the plugin's ControllerError is its twin
│   └── NoGuestAddress   530  with class number 0
├── ServerError          530  a command's verdict on itself
├── PermissionDenied     531
├── LoginFailed          531
├── NoAddress            533
├── AddressRefused       533  the one that was asked for
├── NoCapacity           533
├── LimitReached         535
└── RuleConflict         537
    └── Conflict         537  a command's own verdict: static routes, load balancers
"""

# ruff: noqa: N818 - they are verdicts, named as the callers of the API would name them

from __future__ import annotations

from typing import ClassVar

NEUTRAL_TEXT = "Internal error executing command, please contact your system administrator"


class ApiError(Exception):
    """`is_masked` errors keep their text from everyone but root when a command fails while its caller waits."""

    status: ClassVar[int] = 530
    class_number: ClassVar[int | None] = 4250
    is_masked: ClassVar[bool] = False

    def __init__(self, text: str, *, uuids: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.uuids = uuids


class Unauthorized(ApiError):
    status = 401
    class_number = None


class BadRequest(ApiError):
    status = 400
    class_number = None


class WrongMethod(ApiError):
    status = 405
    class_number = None


class TooManyCalls(ApiError):
    status = 429
    class_number = 9999


class Malformed(ApiError):
    status = 430
    class_number = 9999


class BadParameter(ApiError):
    status = 431
    class_number = 9999


class InvalidValue(ApiError):
    status = 431
    class_number = 4350


class Unsupported(ApiError):
    status = 432
    class_number = 9999


class InternalError(ApiError):
    is_masked = True


class NoGuestAddress(InternalError):
    class_number = 0


class ServerError(ApiError):
    """A command's own verdict on itself ("Failed to create VPC"): everyone may read it."""

    class_number = 9999


class PermissionDenied(ApiError):
    status = 531
    class_number = 4365


class LoginFailed(ApiError):
    status = 531
    class_number = None


class NoAddress(ApiError):
    status = 533
    class_number = 4320
    is_masked = True


class AddressRefused(ApiError):
    status = 533
    class_number = 9999


class NoCapacity(ApiError):
    status = 533
    class_number = 4325
    is_masked = True


class LimitReached(ApiError):
    status = 535
    class_number = 4370


class RuleConflict(ApiError):
    status = 537
    class_number = 4360


class Conflict(RuleConflict):
    class_number = 9999


class ServerStoppedError(BaseException):
    """The server was restarted while a thread of it was outside: what that thread was at ends here.

    It is no Exception, so that nobody takes it for a failure that can be made good.
    """
