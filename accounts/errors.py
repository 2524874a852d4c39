"""The problems of signing in and of missing leave."""

from rest_framework import status

from config.api.problems import Problem


class InvalidCredentials(Problem):
    title = "Email or password is wrong"
    status_code = status.HTTP_401_UNAUTHORIZED
    default_code = "invalid-credentials"
    headers = {"WWW-Authenticate": "Bearer"}


class WrongPassword(Problem):
    title = "Password is wrong"
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "wrong-password"


class MissingAbility(Problem):
    title = "Token lacks an ability"
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "missing-ability"


class ElevationRequired(Problem):
    title = "Only an elevated token may hold this ability"
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "elevation-required"
    default_detail = "Ask for it with POST /api/auth/elevate and your password."


class OperatorRequired(Problem):
    title = "Only operators may do this"
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "role-required"
