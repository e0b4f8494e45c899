// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {FaultCourt} from "../src/FaultCourt.sol";
import {GrailToken} from "../src/GrailToken.sol";
import {NeuronRegistry, Role} from "../src/NeuronRegistry.sol";
import {RolloutLedger} from "../src/RolloutLedger.sol";
import {Vm} from "./base/Test.sol";
import {Network} from "./base/Network.sol";

/// @dev Random but valid actions on stake and court; every call must succeed (fail_on_revert).
contract Actions {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    GrailToken private immutable token;
    NeuronRegistry private immutable registry;
    FaultCourt private immutable court;
    RolloutLedger private immutable ledger;
    address[] private actors;
    address[3] private jurors;
    address private immutable miner;
    uint256 public blockNumber;
    uint256 public slashedOnce;

    constructor(
        GrailToken t,
        NeuronRegistry r,
        FaultCourt c,
        RolloutLedger l,
        address miner_,
        address[3] memory jurors_,
        uint256 start
    ) {
        (token, registry, court, ledger, miner, jurors, blockNumber) = (t, r, c, l, miner_, jurors_, start);
        actors.push(miner_);
        for (uint256 i = 0; i < 3; ++i) {
            actors.push(jurors_[i]);
        }
    }

    function addStake(uint256 who, uint128 amount) external {
        vm.roll(blockNumber);
        address actor = actors[who % actors.length];
        uint256 held = token.balanceOf(actor);
        if (held == 0) return;
        vm.prank(actor);
        registry.addStake(uint128(1 + amount % held));
    }

    function unstake(uint256 who, uint128 amount) external {
        vm.roll(blockNumber);
        address actor = actors[who % actors.length];
        NeuronRegistry.Neuron memory neuron = registry.neuronOf(actor);
        uint256 minimum = registry.minimumStake(neuron.role);
        if (neuron.stake <= minimum || queued[actor] >= 8) return;
        ++queued[actor];
        vm.prank(actor);
        registry.requestUnstake(uint128(1 + amount % (neuron.stake - minimum)));
    }

    mapping(address => uint256) private queued;

    function withdrawAll(uint256 who) external {
        blockNumber += 201;
        vm.roll(blockNumber);
        address actor = actors[who % actors.length];
        if (registry.neuronOf(actor).unbonding == 0) return;
        queued[actor] = 0;
        vm.prank(actor);
        registry.withdraw();
    }

    function trial(uint256 juror, bool guilty) external {
        vm.roll(blockNumber);
        uint64 window = ledger.currentWindow();
        bytes32 fresh = ledger.beaconOf(window);
        if (!registry.isActive(miner, Role.Miner) || fresh != 0) return;
        uint256 start = ledger.startOf(window);
        if (blockNumber <= start || blockNumber > start + 10 || ledger.groupsAllowed(window, miner) == 0) return;
        vm.prank(miner);
        ledger.commit(window, keccak256(abi.encode(window)), keccak256("b"), 1, 1);
        address accuser = jurors[juror % 3];
        if (token.balanceOf(accuser) < 50 ether) return;
        vm.prank(accuser);
        uint256 id = court.accuse(window, miner, FaultCourt.Kind.Replay, 0);
        for (uint256 i = 0; i < 3; ++i) {
            if (jurors[i] == accuser) continue;
            vm.prank(jurors[i]);
            court.vote(id, guilty);
        }
        blockNumber += 61;
        vm.roll(blockNumber);
        court.resolve(id);
        if (court.accusationOf(id).convicted) ++slashedOnce;
    }

    function release() external {
        vm.roll(blockNumber);
        if (!registry.neuronOf(miner).jailed) return;
        vm.prank(registry.owner());
        registry.release(miner);
    }

    function pass(uint16 blocks) external {
        blockNumber += 1 + (blocks % 30);
    }
}

contract SolvencyTest is Network {
    Actions private actions;
    uint256 private minted;

    function setUp() public {
        setUpNetwork();
        actions = new Actions(token, registry, court, ledger, MINER, validators, GENESIS + 1);
        minted = token.totalSupply() + token.totalBurnt();
        targetContract(address(actions));
    }

    function invariant_registryHoldsExactlyWhatItOwes() public view {
        uint256 owed = registry.slashableStake(MINER) + registry.slashableStake(TRAINER);
        for (uint256 i = 0; i < 3; ++i) {
            owed += registry.slashableStake(validators[i]);
        }
        assertEq(registry.totalStaked(), owed, "total is the sum");
        assertEq(token.balanceOf(address(registry)), owed, "held is owed");
    }

    function invariant_nothingIsMadeOrLost() public view {
        assertEq(token.totalSupply() + token.totalBurnt(), minted, "supply and burnt");
    }

    function invariant_courtKeepsNothing() public view {
        assertEq(token.balanceOf(address(court)), 0, "every bond went somewhere");
    }

    function invariant_activeStakeIsTheSumOfTheUnjailed() public view {
        uint256 expected = 0;
        for (uint256 i = 0; i < 3; ++i) {
            expected += registry.stakeOf(validators[i]);
        }
        assertEq(registry.activeStake(Role.Validator), expected, "validators");
        bool jailed = registry.neuronOf(MINER).jailed;
        assertEq(registry.activeStake(Role.Miner), jailed ? 0 : registry.stakeOf(MINER), "miners");
    }
}
