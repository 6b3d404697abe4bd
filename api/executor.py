"""graphql-core's executor, which leaves out the walk through what a statement found.

Field by field that walk is most of what an answer costs. The plan of a statement knows its selection, so it makes the
same values in one go wherever they are plainly right; whatever else there is takes the ordinary way, with its errors.
"""

from typing import Any

from graphql import GraphQLAbstractType, GraphQLObjectType, GraphQLResolveInfo
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import AwaitableOrValue, Path

from api.compiler.leaves import NotPlain
from api.compiler.shape import Planned


class PlannedExecutor(Executor[Any]):
    """Completes objects that a plan found by the plan."""

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """The answer for an object."""
        found = _completed(result)
        if found is not None:
            return found
        return super().complete_object_value(return_type, field_details_list, info, path, result, position_context)

    def complete_abstract_value(
        self,
        return_type: GraphQLAbstractType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """The answer for an object whose type is an interface or a union."""
        found = _completed(result)
        if found is not None:
            return found
        return super().complete_abstract_value(return_type, field_details_list, info, path, result, position_context)


def _completed(result: Any) -> dict[str, Any] | None:
    """What a plan makes of what it found; None for what only graphql-core can complete."""
    if type(result) is not Planned:
        return None
    try:
        return result.completed()
    except NotPlain:
        return None
