// Back to V0005: an older Cinegraph sums up the exposures at each look, and all that is summed here can be again.
MATCH (a:Arm) REMOVE a.exposed, a.counted, a.likedSums, a.dismissedSums, a.viewedSums;
