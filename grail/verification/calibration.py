"""Honest pairs → calibration profile: what honest hardware's noise is bounded by.

Measured on rollouts that the calibrating node makes itself, never on miners' (or they would teach it tolerance). Each
rollout is generated in one batch shape and replayed in others.

In bf16 two runs of one machine share most of their rounding, and two machines do not: a profile fitted on one machine
alone would slash the honest. Hence a replay in float32 of the same weights is one of the variations: it has nothing of
the miner's rounding, and the headroom of 2 stands for a validator's own.

Noise is shared inside a rollout through its KV cache, so a bound on the pooled mean of tokens would not be enough, and
inside a group through its prompt, so one on rollouts would not be either (states that are the same are measured once:
replay.Reader). What must hold is that the factor ∏ (1 + λ (x − μ0)) of a whole rollout, and of a whole group, has an
honest mean of at most 1, for every bet of the grid. μ0 is fitted to exactly that, in the worst of the measured
variations, and then doubled.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pydantic
from numpy.typing import NDArray

from grail.checkpoints.files import CALIBRATION, Checkpoint, GenerationRules
from grail.errors import BadCheckpoint, BadInput
from grail.inference.approximations import APPROXIMATIONS
from grail.inference.base import Engine, Generation, ReplayRequest, ReplayTrace, RolloutRequest
from grail.proofs.sketch import SketchPlan
from grail.protocol.constants import MILLI
from grail.protocol.submission import Rollout
from grail.protocol.units import MicroReward
from grail.verification.alternatives import ALTERNATIVES, PREVIOUS, UNDECIDED, votes
from grail.verification.evidence import BETS, Null
from grail.verification.replay import FORKS, Measurements, Reader

MIN_ROLLOUTS = 256
"""Fewer cannot show the odd one among a hundred rollouts with any confidence."""
ALONE = 16
"""Rollouts that are also generated one by one, in a batch of their own."""
HEADROOM = 2.0
"""On μ0: for hardware, shapes and rare rollouts that the calibration did not see."""
FLOORS = {
    "fp32": {"tokens": 2e-5, "flips": 1e-3, "gross": 5e-5, "outliers": 2e-5, FORKS: 1e-3}
    | {"logprobs": 1e-3, "sketch": 1e-3},
    "bf16": {"tokens": 1e-4, "flips": 1e-3, "gross": 2e-4, "outliers": 1e-4, FORKS: 5e-3}
    | {"logprobs": 1e-3, "sketch": 1e-3},
}
"""By precision class the lowest μ0: one odd measurement in 1 / (floor), of forks one odd rollout, must not decide
alone, whatever the calibration saw. In fp32 an odd token is a thousand times what rounding makes."""
PROCESSES = tuple(FLOORS["fp32"])
TOKEN_CAP = 0.2
"""Spreads. Honest margins stayed under 0.1 in bf16; above the cap all margins count alike."""
ALTERNATIVE_FLOOR = 0.05
"""Of the share of votes for another model: so few that twenty of them are needed where calibration saw none."""
CAP_OVER_MEAN = 50.0
SMALLEST_CAP = {"logprobs": 1e-7, "sketch": 1e-6}
LARGEST_MU0 = 0.4
GROSS_SHARE, SMALLEST_GROSS_MARGIN = 1e-4, 0.004
"""The gross rule counts margins (spreads) that this share of honest ones passes, and none below the second number."""
BISECTIONS = 60
LAX_CAP = 1e30
"""A cap that no ceiling forbids: logprobs are claims, which a cheat launders anyway."""
SMALLEST_OUTLIER = 0.04
"""Spreads. A margin is an outlier above twice the largest honest one, and never below this."""
MARGIN_CEILING = {"fp32": 0.02, "bf16": 0.4}
"""Spreads: margins above it are no rounding of that precision, whatever a profile says. Honest ones were 10⁻³ and 0.1
at most."""
SHARE_CEILINGS = {
    "fp32": {"tokens": 2e-3, "flips": 2e-2, "gross": 2e-3, "outliers": 1e-3, FORKS: 2e-2},
    "bf16": {"tokens": 0.1, "flips": 0.2, "gross": 0.02, "outliers": 0.02, FORKS: 0.1},
}
"""Highest μ0 of the processes that see a token that was not mandated; in fp32 twenty to a hundred times the floors.
Whoever publishes a checkpoint writes its profile; `grail redteam --family lax-profiles` plays the worst of them."""
SKETCH_CEILING = Null(cap=0.25, mu0=0.2)
"""Of the relative squared error of a sketch; a foreign state's is about 2. Honest ones need 0.012 and 0.045 in bf16. It
is what proofs of audit are judged by."""


Groups = Sequence[Sequence[NDArray[np.float64]]]
"""One variation's values of one process: groups of rollouts of one prompt."""


class NullModel(pydantic.BaseModel, extra="forbid", frozen=True):
    """One process's null: cap (unit of the measurement) and mu0 (share of the cap); `over` counts instead."""

    cap: float = pydantic.Field(gt=0, allow_inf_nan=False)
    mu0: float = pydantic.Field(gt=0, le=0.5, allow_inf_nan=False)
    over: float | None = pydantic.Field(None, ge=0, allow_inf_nan=False)


class CalibrationProfile(pydantic.BaseModel, extra="forbid", frozen=True):
    """A versioned file beside the checkpoint; the keccak-256 of its bytes is registered on chain."""

    version: int = pydantic.Field(ge=7, le=7)
    engine: str
    precision: str = pydantic.Field(pattern="^(fp32|bf16)$")
    temperature_milli: int = pydantic.Field(ge=1, le=100_000)
    max_tokens: int = pydantic.Field(ge=1, le=32_768)
    rollouts: int
    tokens: int
    largest_margin: float = pydantic.Field(ge=0, allow_inf_nan=False)
    nulls: dict[str, NullModel]

    @pydantic.field_validator("nulls")
    @classmethod
    def _all_processes(cls, nulls: dict[str, NullModel]) -> dict[str, NullModel]:
        expected = {*PROCESSES, *ALTERNATIVES}
        if set(nulls) != expected:
            raise ValueError(f"expected the processes {sorted(expected)}, got {sorted(nulls)}")
        return nulls

    @pydantic.model_validator(mode="after")
    def _not_lax(self) -> "CalibrationProfile":
        """Within what the precision can produce."""
        margin = MARGIN_CEILING[self.precision]
        if self.largest_margin > margin:
            raise ValueError(f"a margin of {self.largest_margin:.3g} spreads is no rounding of {self.precision}")
        rules = {"tokens": (TOKEN_CAP, None), "flips": (1.0, 0.0)}
        rules |= dict.fromkeys(("outliers", FORKS), (1.0, self.outlier_margin))
        for name, most in SHARE_CEILINGS[self.precision].items():
            null = self.nulls[name]
            cap, over = rules.get(name, (1.0, null.over))
            strict = null.cap == cap and null.over == over and (null.over or 0.0) <= _outlier_margin(margin)
            if not strict or null.mu0 > most or (name == "gross" and null.over is None):
                raise ValueError(f"{name} is laxer than honest work of {self.precision} needs")
        sketch = self.nulls["sketch"]
        if sketch.cap > SKETCH_CEILING.cap or sketch.mu0 > SKETCH_CEILING.mu0 or sketch.over is not None:
            raise ValueError("sketch is laxer than honest states of any precision need")
        if any(self.nulls[name].cap != 1 or self.nulls[name].over is not None for name in ALTERNATIVES):
            raise ValueError("votes have no cap but 1")
        return self

    def require_fit(self, rules: GenerationRules) -> None:
        """Raises BadCheckpoint where it says nothing of work by these rules."""
        if self.precision != rules.precision:
            why = f"it was measured in {self.precision}, and work is done in {rules.precision}"
        elif self.temperature_milli != rules.temperature_milli:
            own, asked = self.temperature_milli / MILLI, rules.temperature_milli / MILLI
            why = f"it was measured at temperature {own:g}, not {asked:g}, which decides how often honest tokens stray"
        elif self.max_tokens < rules.max_tokens:
            why = f"it was measured on up to {self.max_tokens} tokens, and completions may have {rules.max_tokens}"
        else:
            return
        raise BadCheckpoint(f"the calibration profile does not hold here: {why}; make one with `grail calibrate`")

    def evidence_nulls(self) -> dict[str, Null]:
        """What an Evidence starts from."""
        return {name: Null(model.cap, model.mu0, model.over) for name, model in self.nulls.items()}

    @property
    def outlier_margin(self) -> float:
        """A margin (spreads) that no honest rollout comes near: twice the largest seen, at least a twenty-fifth."""
        return _outlier_margin(self.largest_margin)

    def to_bytes(self) -> bytes:
        """Canonical JSON, the bytes that are hashed."""
        return (self.model_dump_json(indent=1) + "\n").encode()


def _outlier_margin(largest: float) -> float:
    return max(2 * largest, SMALLEST_OUTLIER)


def laxest(profile: CalibrationProfile) -> CalibrationProfile:
    """The profile of the same work that excuses the most of all that are accepted: whoever publishes a checkpoint may
    write it.
    """
    margin = MARGIN_CEILING[profile.precision]
    over = _outlier_margin(margin)
    nulls = {name: NullModel(cap=1.0, mu0=0.5) for name in ALTERNATIVES}
    nulls |= {"logprobs": NullModel(cap=LAX_CAP, mu0=0.5)}
    nulls["sketch"] = NullModel(cap=SKETCH_CEILING.cap, mu0=SKETCH_CEILING.mu0)
    shares = SHARE_CEILINGS[profile.precision]
    nulls |= {"tokens": NullModel(cap=TOKEN_CAP, mu0=shares["tokens"])}
    nulls |= {"flips": NullModel(cap=1.0, mu0=shares["flips"], over=0.0)}
    nulls |= {name: NullModel(cap=1.0, mu0=shares[name], over=over) for name in ("gross", "outliers", FORKS)}
    return CalibrationProfile.model_validate({**profile.model_dump(), "largest_margin": margin, "nulls": nulls})


def load_profile(path: Path) -> CalibrationProfile:
    """Raises BadCheckpoint when there is none: without a profile there is no audit."""
    try:
        return CalibrationProfile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadCheckpoint(f"expected a calibration profile at {path}: make one with `grail calibrate`") from error
    except pydantic.ValidationError as error:
        reason = f"expected a calibration profile in {path}, make a new one with `grail calibrate`; got: {error}"
        raise BadCheckpoint(reason) from error


def profile_of(checkpoint: Checkpoint) -> CalibrationProfile:
    """The one beside the weights. Raises BadCheckpoint where there is none, or none that holds for its rules."""
    profile = load_profile(checkpoint.folder / CALIBRATION)
    profile.require_fit(checkpoint.rules)
    return profile


def calibrate(
    engines: Mapping[str, Engine],
    requests: Sequence[RolloutRequest],
    plan: SketchPlan,
    *,
    rules: GenerationRules,
    notify: Callable[[str], None] = lambda _: None,
) -> CalibrationProfile:
    """Generate every request by every engine in several batch shapes, replay each in two others, and fit the nulls.

    The first engine replays; where the rules say bf16, its float32 twin does the second replay.

    Raises BadInput with the number that is needed when there are too few requests, BadCheckpoint where honest work is
    noisier than a profile of this precision may allow.
    """
    if len(requests) < MIN_ROLLOUTS:
        raise BadInput(f"expected at least {MIN_ROLLOUTS} rollouts to calibrate on, got {len(requests)}: ask for more")
    first = next(iter(engines.values()))
    auditors = (first,) if rules.precision == "fp32" else (first, first.in_float32())
    variations: list[list[list[Measurements]]] = []
    ballots: dict[str, list[Groups]] = {name: [] for name in APPROXIMATIONS}
    tokens = 0
    everything, half = len(requests), len(requests) // 2
    shapes = (everything, everything, (everything, 16)), (32, half, (16, half)), (1, ALONE, (ALONE, 16))
    for (name, engine), (batch, many, replay_batches) in itertools.product(engines.items(), shapes):
        notify(f"{many} rollouts by {name}, {'all' if batch == many else batch} at a time")
        part = requests[:many]
        made = [g for start in range(0, many, batch) for g in engine.generate(part[start : start + batch], plan)]
        for auditor, replay_batch in zip(itertools.cycle(auditors), replay_batches, strict=False):
            notify(f"replaying {many} rollouts by {name}, {replay_batch} at a time")
            traces = replays(auditor, part, made, plan, replay_batch)
            variations.append(read_by_group(part, made, traces, plan))
            tokens += sum(len(generation.tokens) for generation in made)
            if many == everything:
                for alternative, found in ballots.items():
                    notify(f"replaying {half} of them as {alternative} would")
                    others = replays(auditor.approximated(alternative), part[:half], made[:half], plan, replay_batch)
                    cast = [votes(one, other) for one, other in zip(traces[:half], others, strict=True)]
                    found.append([[cast[place] for place in group] for group in group_places(part[:half])])
    margins = _pooled("tokens", variations)
    gross = max(float(np.quantile(margins, 1 - GROSS_SHARE)), SMALLEST_GROSS_MARGIN)
    shapes_of = {"tokens": Null(TOKEN_CAP, LARGEST_MU0), "flips": Null(1, LARGEST_MU0, 0.0)}
    shapes_of |= {"gross": Null(1, LARGEST_MU0, gross)}
    shapes_of |= dict.fromkeys(("outliers", FORKS), Null(1, LARGEST_MU0, _outlier_margin(float(margins.max()))))
    nulls = {
        name: _fit(shapes_of.get(name) or _capped(name, variations), _values(name, variations), floor)
        for name, floor in FLOORS[rules.precision].items()
    }
    nulls |= {name: _fit_votes(found) for name, found in ballots.items()}
    nulls[PREVIOUS] = NullModel(cap=1, mu0=UNDECIDED)
    counts = {"rollouts": sum(len(group) for found in variations for group in found), "tokens": tokens}
    return _profile("+".join(engines), rules, float(margins.max()), nulls, counts)


def _profile(
    engine: str, rules: GenerationRules, largest: float, nulls: dict[str, NullModel], counts: Mapping[str, int]
) -> CalibrationProfile:
    """Raises BadCheckpoint where it would be laxer than any may be."""
    try:
        return CalibrationProfile(
            version=7,
            engine=engine,
            precision=rules.precision,
            temperature_milli=rules.temperature_milli,
            max_tokens=rules.max_tokens,
            largest_margin=largest,
            nulls=nulls,
            **counts,
        )
    except pydantic.ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        remedy = "it needs another precision (fp32) or temperature"
        raise BadCheckpoint(f"honest work of this model is too noisy to tell from cheating: {why}; {remedy}") from error


def replays(
    engine: Engine, requests: Sequence[RolloutRequest], made: Sequence[Generation], plan: SketchPlan, batch: int
) -> list[ReplayTrace]:
    """What an auditor with `engine` reads of honest generations, replayed `batch` at a time."""
    asked = [ReplayRequest(r.prompt, r.key, g.tokens, g.bridges) for r, g in zip(requests, made, strict=True)]
    return [t for first in range(0, len(asked), batch) for t in engine.replay(asked[first : first + batch], plan)]


def read_by_group(
    requests: Sequence[RolloutRequest], made: Sequence[Generation], traces: Sequence[ReplayTrace], plan: SketchPlan
) -> list[list[Measurements]]:
    """What an audit of whole groups measures."""
    reader = Reader(plan)
    return [
        [reader.measure(number, as_rollout(made[place]), traces[place]) for place in places]
        for number, places in enumerate(group_places(requests))
    ]


def group_places(requests: Sequence[RolloutRequest]) -> list[list[int]]:
    """Places of the requests that follow each other with one prompt."""
    runs = itertools.groupby(range(len(requests)), key=lambda place: requests[place].prompt.tobytes())
    return [list(places) for _, places in runs]


def as_rollout(generation: Generation) -> Rollout:
    """A generation as its replay reads it; the reward, which no replay reads, is 0."""
    return Rollout(
        tokens=generation.tokens,
        logprobs=generation.logprobs,
        sketch=generation.sketch,
        finish=generation.finish,
        reward_micro=MicroReward(0),
    )


def _values(name: str, variations: Sequence[Sequence[Sequence[Measurements]]]) -> list[Groups]:
    """One process's values."""
    return [[[measured[name] for measured in group] for group in found] for found in variations]


def _pooled(name: str, variations: Sequence[Sequence[Sequence[Measurements]]]) -> NDArray[np.float64]:
    """The same in one row."""
    return np.concatenate([measured[name] for found in variations for group in found for measured in group])


def _capped(name: str, variations: Sequence[Sequence[Sequence[Measurements]]]) -> Null:
    """Shape of a process whose cap follows from the honest mean."""
    cap = max(CAP_OVER_MEAN * float(_pooled(name, variations).mean()), SMALLEST_CAP[name])
    return Null(min(cap, SKETCH_CEILING.cap) if name == "sketch" else cap, LARGEST_MU0)


def _fit(shape: Null, variations: Sequence[Groups], floor: float) -> NullModel:
    """μ0 from the variation that needs the largest, with headroom, never under the floor."""
    worst = max(_fair([[shape.scale(values) for values in group] for group in groups]) for groups in variations)
    return NullModel(cap=shape.cap, mu0=min(max(HEADROOM * worst, floor), LARGEST_MU0), over=shape.over)


def _fit_votes(variations: Sequence[Groups]) -> NullModel:
    """As `_fit`, on the rollouts that vote at all; never over one half, which honest noise cannot pass."""
    worst = max(map(_fair, variations), default=0.0)
    return NullModel(cap=1, mu0=min(max(HEADROOM * worst, ALTERNATIVE_FLOOR), UNDECIDED))


def _fair(groups: Groups) -> float:
    """The least μ0 that is fair to rollouts and to whole groups."""
    return max(
        fair_mu0([values for group in groups for values in group]), fair_mu0([np.concatenate(g) for g in groups])
    )


def fair_mu0(units: Sequence[NDArray[np.float64]]) -> float:
    """The least μ0 for which every bet of the grid is fair or worse: mean over the units of ∏ (1 + λ (x − μ0)) ≤ 1.

    units: what is independent, rollouts or groups: x in [0, 1], float64 (n_r,) each; those that say nothing do not
    count. The mean falls as μ0 grows, for λ = bet / μ0; hence bisection.
    """
    spoken = [values for values in units if len(values)]
    if not any(values.any() for values in spoken):
        return 0.0
    x, starts = np.concatenate(spoken), np.cumsum([0, *(len(values) for values in spoken[:-1])])
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        growth = np.log1p(np.array(BETS)[:, None] * (x[None, :] / middle - 1))
        fair = bool((np.exp(np.add.reduceat(growth, starts, axis=1)).mean(axis=1) <= 1).all())
        low, high = (low, middle) if fair else (middle, high)
    return high


def profile_summary(profile: CalibrationProfile) -> Mapping[str, str]:
    """Process to a line for people."""
    return {name: f"cap {null.cap:.3g}, μ0 {null.mu0:.3g}" for name, null in profile.nulls.items()}
