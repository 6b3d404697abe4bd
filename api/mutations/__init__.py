"""The root fields that write: one file each, their expected outcomes as members of a union."""

import strawberry

from api.mutations.dismiss_movie import dismiss_movie
from api.mutations.invite_to_group import invite_to_group
from api.mutations.rate_movie import rate_movie
from api.mutations.record_view import record_view
from api.mutations.remove_dismissal import remove_dismissal
from api.mutations.remove_rating import remove_rating
from api.mutations.remove_views import remove_views
from api.mutations.set_preferences import set_preferences
from api.mutations.start_experiment import start_experiment
from api.mutations.stop_experiment import stop_experiment


@strawberry.type(description="All that can be written.")
class Mutation:
    rate_movie = strawberry.mutation(rate_movie, description="Set the caller's rating of a movie, 0.5 to 5.0.")
    remove_rating = strawberry.mutation(remove_rating, description="Take the caller's rating of a movie back.")
    dismiss_movie = strawberry.mutation(dismiss_movie, description="Never recommend a movie to the caller again.")
    remove_dismissal = strawberry.mutation(
        remove_dismissal, description="Let a movie that was dismissed be recommended again."
    )
    record_view = strawberry.mutation(record_view, description="Note that the caller watched some of a movie.")
    remove_views = strawberry.mutation(remove_views, description="Take all of the caller's views of a movie back.")
    invite_to_group = strawberry.mutation(
        invite_to_group,
        description="Make an invitation: who has it can count the caller in (recommendations(group:)), and learns what "
        "the caller would like to watch, but not what they did.",
    )
    set_preferences = strawberry.mutation(
        set_preferences,
        description="Set what the caller likes or avoids, all of it or nothing; other preferences stay as they are.",
    )
    start_experiment = strawberry.mutation(
        start_experiment, description="Compare models or dials on users, from now on; for administrators."
    )
    stop_experiment = strawberry.mutation(
        stop_experiment, description="End an experiment: everybody gets the active model again; for administrators."
    )
