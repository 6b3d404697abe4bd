"""A document held against the schema, in bounded time.

graphql-core's rule on fields that can be merged compares fragments and repeated fields in pairs, so its time grows with
the square of a document; here it has a budget of its own steps, about a microsecond each. It also makes an error for
every single mistake, each with a text and places; here it stops after a few. And rules on variables and directives are
left out for a document that has none, which saves half of the time.
"""

from typing import Any, Final

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    KnownDirectivesRule,
    NoSchemaIntrospectionCustomRule,
    NoUndefinedVariablesRule,
    NoUnusedVariablesRule,
    OverlappingFieldsCanBeMergedRule,
    SelectionSetNode,
    UniqueDirectivesPerLocationRule,
    UniqueVariableNamesRule,
    ValidationContext,
    VariablesAreInputTypesRule,
    VariablesInAllowedPositionRule,
    specified_rules,
)
from graphql.validation.validate import ValidationAbortedError

from api.limits import LimitExceeded
from api.walking import validated

MAX_ERRORS: Final = 5
"""Mistakes that are told of one document."""

MERGING_STEPS: Final = 2_250
"""Steps in which the fields of a document are found not to conflict: 30 fragments in one selection take 2,235."""


ONLY_WITH: Final[dict[str, tuple[type[ASTValidationRule], ...]]] = {
    "$": (
        NoUndefinedVariablesRule,
        NoUnusedVariablesRule,
        UniqueVariableNamesRule,
        VariablesAreInputTypesRule,
        VariablesInAllowedPositionRule,
    ),
    "@": (KnownDirectivesRule, UniqueDirectivesPerLocationRule),
}
"""Rules that nothing can break in a text without that sign."""


class FieldsMerge(OverlappingFieldsCanBeMergedRule):
    """graphql-core's rule, which refuses a document that takes it more steps than a request may have."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = MERGING_STEPS

    def enter_selection_set(self, selection_set: SelectionSetNode, *args: Any) -> None:
        """Compare the fields of one selection; raises `LimitExceeded` where no steps are left."""
        try:
            super().enter_selection_set(selection_set, *args)
        except ValidationAbortedError as error:
            raise LimitExceeded(
                "the document repeats fields or spreads fragments side by side so often that more than "
                f"{MERGING_STEPS} comparisons are needed to see whether they conflict; use fewer fragments"
            ) from error


def rules(text: str, *, introspection: bool) -> list[type[ASTValidationRule]]:
    """The rules that a document of this text can break; without introspection also the one that refuses it."""
    idle = {one for sign, only in ONLY_WITH.items() if sign not in text for one in only}
    kept = [FieldsMerge if one is OverlappingFieldsCanBeMergedRule else one for one in specified_rules]
    return [*(one for one in kept if one not in idle), *([] if introspection else [NoSchemaIntrospectionCustomRule])]


def mistakes(schema: GraphQLSchema, text: str, document: DocumentNode, *, introspection: bool) -> list[GraphQLError]:
    """What is wrong with a document, the first few; without introspection no name of the schema is suggested."""
    held = rules(text, introspection=introspection)
    return validated(schema, document, held, MAX_ERRORS, hide_suggestions=not introspection)
