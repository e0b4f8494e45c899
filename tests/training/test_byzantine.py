"""Miners whose rewards pay for wrong answers: three in ten do not stop the lesson, all of them stop the trainer."""

import copy

import numpy as np

from grail.config import TrainingSettings
from grail.environments.arithmetic import Arithmetic
from grail.environments.base import RIGHT
from grail.inference.base import RolloutRequest
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.protocol.hashing import keccak256
from grail.training.batch import TrainingGroup, TrainingRollout
from grail.training.canaries import Canaries
from grail.training.evaluation import evaluate
from grail.training.learner import Learner

MINERS, GROUPS, SIZE, UPDATES = 10, 3, 8, 10
SETTINGS = TrainingSettings(warmup_steps=1)
ENVIRONMENT = Arithmetic()


class Network:
    """Miners, some with a buggy environment, and a trainer that publishes what raises no alarm."""

    def __init__(self, tiny, plan, buggy):
        self.engine, self.codec, self.plan = TransformersEngine(tiny), TextCodec(tiny), plan
        self.learner = Learner(tiny, SETTINGS)
        self.canaries = Canaries([ENVIRONMENT], self.codec, b"secret", 32)
        self.buggy, self.published, self.halted = buggy, 0, ""
        self.margins = [self.canaries.margin(self.learner)]

    def window(self, number):
        groups = [self.group(number, miner, place) for miner in range(MINERS) for place in range(GROUPS)]
        report = self.learner.update(groups, self.published)
        margin = self.canaries.margin(self.learner)
        lost = max(self.margins) - margin
        self.halted = report.alarm or (f"canaries lost {lost}" if lost > SETTINGS.alarm_canary else "")
        if not self.halted:
            self.margins.append(margin)
            self.published += 1
            published = copy.deepcopy(self.learner.model)
            published.set_attn_implementation("sdpa")  # the learner's attends over flat batches only
            self.engine.use_model(published)

    def group(self, window, miner, place):
        key = keccak256(bytes([window, miner, place]))
        problem = ENVIRONMENT.problem(key)
        asked = [RolloutRequest(self.codec.encode(problem.prompt), keccak256(key + bytes([i]))) for i in range(SIZE)]
        rollouts = []
        for request, made in zip(asked, self.engine.generate(asked, self.plan), strict=True):
            right = ENVIRONMENT.grade(problem, self.codec.decode(made.tokens)).reward_micro == RIGHT
            reward = float(right != (miner < self.buggy))
            logprobs = made.logprobs.astype(np.float32)
            rollouts.append(
                TrainingRollout(prompt=request.prompt, tokens=made.tokens, logprobs=logprobs, reward=reward)
            )
        return TrainingGroup(miner=bytes([miner]) * 20, checkpoint_version=self.published, rollouts=tuple(rollouts))

    def accuracy(self):
        return evaluate(self.engine, ENVIRONMENT, self.codec, count=300, greedy=True).share


def test_three_in_ten_do_not_turn_it_round(tiny, plan):
    network = Network(tiny, plan, buggy=3)
    before = network.accuracy()
    for number in range(UPDATES):
        network.window(number)
    assert network.halted or network.accuracy() > before
    assert network.margins[-1] > network.margins[0] - SETTINGS.alarm_canary


def test_where_all_pay_for_wrong_answers_it_halts_before_the_model_collapses(tiny, plan):
    network = Network(tiny, plan, MINERS)
    before, number = network.accuracy(), 0
    while not network.halted and number < 60:
        network.window(number)
        number += 1
    assert "canaries" in network.halted
    assert network.accuracy() > before / 3, "what was published last still answers"


def test_a_batch_with_a_held_out_problem_is_noticed(tiny):
    codec = TextCodec(tiny)
    canaries = Canaries([ENVIRONMENT], codec, b"secret", 8)
    assert len(canaries) == 8
    leaked = TrainingGroup(miner=b"m", checkpoint_version=1, rollouts=(canaries._all[3].right,))
    assert canaries.leaked(leaked)
    fresh = codec.encode(ENVIRONMENT.problem(keccak256(b"fresh")).prompt)
    rollout = TrainingRollout(prompt=fresh, tokens=fresh, logprobs=np.zeros(len(fresh)), reward=0.0)
    assert not canaries.leaked(TrainingGroup(miner=b"m", checkpoint_version=1, rollouts=(rollout,)))
    assert Canaries([ENVIRONMENT], codec, b"another", 8)._prompts != canaries._prompts
    assert Canaries([], codec, b"", 8).margin(Learner(tiny, SETTINGS)) == 0.0
