// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Jury} from "../../src/Jury.sol";
import {RewardPool} from "../../src/RewardPool.sol";
import {ScoreBoard} from "../../src/ScoreBoard.sol";
import {Test} from "../base/Test.sol";
import {World} from "./World.sol";

/// @dev What must hold after any sequence of anybody's actions. View functions on the world's own state.
contract Watched is World {
    function solvency() external {
        vm.roll(now_);
        assertEq(vault.totalOwed(), token.balanceOf(address(vault)), "the vault holds what it owes");
        assertEq(pool.unclaimed(), token.balanceOf(address(pool)), "the pool too");
        assertEq(board.bondsHeld(), token.balanceOf(address(board)), "the board too");
        assertEq(0, token.balanceOf(address(court)), "the court keeps nothing");
        assertEq(jury.bondsHeld(), token.balanceOf(address(jury)), "the jury too");
    }

    function stakeAddsUp() external {
        vm.roll(now_);
        address[5] memory neurons = [MINER, validators[0], validators[1], validators[2], TRAINER];
        uint256 owed = 0;
        for (uint256 n = 0; n < 5; ++n) {
            uint256 positions = 0;
            for (uint256 i = 0; i < actors.length; ++i) {
                positions += vault.positionOf(neurons[n], actors[i]);
                owed += vault.collectable(neurons[n], actors[i]);
            }
            assertLe(positions, vault.stakeOf(neurons[n]), "positions never exceed the pool");
            assertLe(vault.stakeOf(neurons[n]), positions + 40, "nor does the pool keep more than dust");
            owed += vault.heldFor(neurons[n]);
        }
        assertLe(owed, vault.totalOwed(), "liabilities are counted");
        assertLe(vault.totalOwed(), owed + 1_000, "and nothing but dust besides");
    }

    function activeStakeIsOfThoseWhoMayWork() external {
        vm.roll(now_ + 1);
        uint256 expected = 0;
        for (uint256 i = 0; i < 3; ++i) {
            (,, bool rests) = active.restOf(validators[i]);
            uint256 works = rests ? 0 : vault.standingStake(validators[i]);
            expected += works;
            (uint256 start, uint256 stake) = active.rangeAt(validators[i], now_);
            assertEq(stake, works, "each");
            if (works > 0) assertEq(active.holderAt(start + works - 1, now_), validators[i], "holds its last point");
        }
        assertEq(active.totalAt(now_), expected, "together");
        vm.roll(now_);
    }

    function nothingIsMadeOrLost() external {
        vm.roll(now_);
        assertEq(token.totalSupply() + token.totalBurnt(), minted, "supply and burnt");
        assertLe(token.spoken() + pool.reserved(), token.cap(), "the cap");
    }

    function claimsStayWithinSettlements() external {
        vm.roll(now_);
        uint256 spoken = 0;
        uint256 bonds = 0;
        uint256 owed = 0;
        for (uint256 i = 0; i < played.length; ++i) {
            uint64 w = played[i].window;
            (ScoreBoard.Round memory r,) = board.roundOf(w);
            spoken += r.standing > 0 ? r.emission : 0;
            bonds += r.standing * r.bond;
            if (pool.isSettled(w)) owed += stillDue(w);
        }
        assertLe(owed, pool.unclaimed(), "what is due is there");
        assertLe(pool.unclaimed(), owed + 100 * played.length, "and nothing but dust besides");
        assertEq(pool.reserved(), spoken, "reserved is what is stated");
        assertEq(board.bondsHeld(), bonds, "a bond for each statement that stands");
    }

    /// @dev What a window's leaves and shares may still take out of what was minted for it, in wei.
    function stillDue(uint64 w) internal view returns (uint256 sum) {
        RewardPool.Settlement memory s = pool.settlementOf(w);
        Due storage d = due[w];
        for (uint256 i = 0; i < d.index.length; ++i) {
            if (d.leaves[i].holds > 0 || pool.isPaid(w, d.index[i])) continue;
            bool miner = d.index[i] < s.count;
            sum += miner
                ? uint256(s.miners) * d.leaves[i].value / s.whole
                : uint256(s.emission) / 4 * d.leaves[i].value / (uint256(s.whole) * s.seats);
        }
        uint256 size = s.count + 128;
        if (!pool.isPaid(w, size)) sum += s.whole == 0 ? 0 : s.emission / 10;
        if (!pool.isPaid(w, size + 1)) sum += s.whole == 0 ? 0 : uint256(s.emission) * 4 / 100;
    }

    function ghosts() external view {
        assertEq(paidTwice, 0, "no double claim");
        assertEq(slashedTwice, 0, "no double slash");
        assertEq(slashedTooMuch, 0, "slashes within the fraction");
        assertEq(intruders, 0, "only the timelock governs");
        assertEq(leftWhilePaused, 0, "paused means paused");
        assertEq(leftEarly, 0, "nobody leaves before the delay");
        assertEq(cheapGrief, 0, "a refuted accuser never gains");
        assertEq(selfAccuserGained, 0, "nobody gains by convicting oneself");
        assertEq(liarGained, 0, "no lie pays");
    }

    function votesAreConserved() external {
        vm.roll(now_ + 1);
        uint256 votes = 0;
        for (uint256 i = 0; i < actors.length; ++i) {
            votes += token.getPastVotes(actors[i], now_) + vault.getPastVotes(actors[i], now_);
        }
        assertLe(votes, token.getPastTotalSupply(now_), "no more votes than tokens");
        vm.roll(now_);
    }

    function nobodyLeavesEarly() external {
        vm.roll(now_);
        for (uint256 i = 0; i < actors.length; ++i) {
            (, uint256[] memory worth) = vault.exitsOf(actors[i]);
            uint256 sum = 0;
            for (uint256 e = 0; e < worth.length; ++e) {
                sum += worth[e];
            }
            uint256 pools = vault.heldFor(MINER) - vault.stakeOf(MINER);
            for (uint256 v = 0; v < 3; ++v) {
                pools += vault.heldFor(validators[v]) - vault.stakeOf(validators[v]);
            }
            assertLe(sum, pools, "what unbonds is still in the pools");
        }
        uint256 dispute = policy.get("accusation_horizon_blocks") + policy.get("pause_blocks") + 2 * WINDOW + 2
            * (policy.get("vote_commit_blocks") + policy.get("vote_reveal_blocks")) + policy.get("appeal_blocks");
        assertLe(dispute, policy.get("unbonding_blocks"), "longer than the longest dispute");
    }

    function bondsMatchOpenQuarrels() external {
        vm.roll(now_);
        uint256 bonds = 0;
        for (uint256 i = 0; i < jury.caseCount(); ++i) {
            Jury.Case memory k = jury.caseOf(i);
            if (k.state != Jury.State.Closed) bonds += k.bond;
            if (k.state == Jury.State.Appealed) bonds += k.appealBond;
        }
        assertEq(jury.bondsHeld(), bonds, "a bond for each open quarrel");
    }
}

contract InvariantsTest is Test {
    Watched private world;

    function setUp() public {
        world = new Watched();
        targetContract(address(world));
        string[9] memory checks = [
            "solvency()",
            "stakeAddsUp()",
            "activeStakeIsOfThoseWhoMayWork()",
            "nothingIsMadeOrLost()",
            "claimsStayWithinSettlements()",
            "ghosts()",
            "votesAreConserved()",
            "nobodyLeavesEarly()",
            "bondsMatchOpenQuarrels()"
        ];
        for (uint256 i = 0; i < checks.length; ++i) {
            exclude(address(world), bytes4(keccak256(bytes(checks[i]))));
        }
    }

    /// @dev One campaign for all: each check says in its message what broke.
    function invariant_everything() public {
        world.solvency();
        world.stakeAddsUp();
        world.activeStakeIsOfThoseWhoMayWork();
        world.nothingIsMadeOrLost();
        world.claimsStayWithinSettlements();
        world.ghosts();
        world.votesAreConserved();
        world.nobodyLeavesEarly();
        world.bondsMatchOpenQuarrels();
    }
}
