// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Role} from "../src/StakeVault.sol";
import {Commitment} from "../src/libraries/Commitments.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Pledges} from "../src/libraries/Pledges.sol";
import {Evidence} from "../src/libraries/Settlements.sol";
import {Network} from "./base/Network.sol";

/// @dev What a submission is paid for: its worth times what its miner delivered of what it had promised.
contract PledgesTest is Network {
    address private constant OTHER = address(0x1112);
    uint64 private constant W = 10;

    function setUp() public {
        setUpNetwork();
        join(OTHER, Role.Miner, 2_000 ether);
    }

    /// @dev OTHER works in every window before W, so that all count; MINER in those of `bits`, the lowest for W - 1.
    function history(uint256 bits) private {
        for (uint64 v = W - 5; v < W; ++v) {
            goTo(v, 1);
            commitAs(OTHER, v, WORTH);
            if (bits >> (W - 1 - v) & 1 == 1) commitAs(MINER, v, WORTH);
        }
    }

    /// @dev What the miner's submission of W is paid for, when all accept it.
    function valueIn(uint32 groups) private returns (uint256) {
        delete committed;
        goTo(W, 1);
        commitGroups(MINER, W, groups, WORTH);
        scoreBy(W, 3, 1);
        return judge.leafAt(W, 0, noLeaf(), evidenceOf(W, 0)).value;
    }

    function test_paid_allForWhoKeptEveryPledge() public {
        history(31);
        assertEq(valueIn(4), WORTH, "four of four windows");
    }

    function test_paid_byThePartThatWasDelivered() public {
        history(5);
        assertEq(valueIn(4), WORTH / 2, "two of the last four; the fifth is forgotten");
    }

    function test_paid_nothingInTheFirstWindow() public {
        history(0);
        assertEq(valueIn(4), 0, "a new identity has kept no promise yet");
    }

    function test_paid_whereNobodyWorkedNothingIsHeldAgainstAnyone() public {
        assertEq(valueIn(4), WORTH, "no window counts");
    }

    function test_paid_windowsInWhichNobodyWorkedDoNotCount() public {
        goTo(W - 3, 1);
        commitAs(MINER, W - 3, WORTH);
        assertEq(valueIn(4), WORTH, "delivered in the only window there was");
    }

    function test_paid_smallPromisesKeptEarnNothingForALargeOne() public {
        history(31);
        goTo(W - 2, 30);
        pledge(MINER, 40);
        assertEq(valueIn(40), WORTH * 4 / 40, "sixteen groups delivered of a hundred and sixty");
    }

    function test_paid_aSmallerPledgeIsMeasuredByWhatWasPromisedThen() public {
        history(3);
        goTo(W - 2, 30);
        pledge(MINER, 1);
        assertEq(valueIn(1), WORTH / 2, "half of what was promised then");
    }

    function test_paid_nothingForMoreThanWasPledged() public {
        history(31);
        assertEq(valueIn(5), 0, "five of four");
    }

    function test_pledge_isInForceTwoWindowsLater() public {
        goTo(W, 59);
        pledge(MINER, 7);
        assertEq(ledger.pledgeOf(W + 1, MINER), 4, "as before");
        assertEq(ledger.pledgeOf(W + 2, MINER), 7, "from there on");
        goTo(W + 3, 1);
        pledge(MINER, 2);
        assertEq(ledger.pledgeOf(W + 4, MINER), 7, "what is past stays");
    }

    function test_pledge_beforeTheFirstWindowHoldsFromIt() public view {
        assertEq(ledger.pledgeOf(0, MINER), 4, "since it registered");
    }

    function test_pledge_onlyByAMinerThatMayWork() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, validators[0]));
        vm.prank(validators[0]);
        ledger.pledge(4);
    }

    function test_paid_refusesARecordThatIsNotTheChains() public {
        history(31);
        delete committed;
        goTo(W, 1);
        commitGroups(MINER, W, 4, WORTH);
        scoreBy(W, 3, 1);
        Evidence memory e = evidenceOf(W, 0);
        assertEq(e.commitments.length, 5, "itself and four");
        uint64 v = e.commitments[2].window;
        e.commitments[2].groups = 400;
        refused(e, abi.encodeWithSelector(Errors.NoCommitment.selector, v, MINER));
        e.commitments[2] = made[v][OTHER];
        refused(e, abi.encodeWithSelector(Errors.BadEvidence.selector));
        e.commitments[2] = e.commitments[1];
        refused(e, abi.encodeWithSelector(Errors.BadEvidence.selector));
        e.commitments[2] = made[v][MINER];
        Commitment[] memory all_ = e.commitments;
        e.commitments = new Commitment[](4);
        for (uint256 i = 0; i < 4; ++i) {
            e.commitments[i] = all_[i];
        }
        refused(e, abi.encodeWithSelector(Errors.BadEvidence.selector));
        e.commitments = new Commitment[](6);
        for (uint256 i = 0; i < 6; ++i) {
            e.commitments[i] = all_[i < 5 ? i : 4];
        }
        refused(e, abi.encodeWithSelector(Errors.BadEvidence.selector));
    }

    function refused(Evidence memory e, bytes memory why) private {
        vm.expectRevert(why);
        judge.leafAt(W, 0, noLeaf(), e);
    }

    /// @dev The theorem of ADR 21: whatever was promised and delivered, nobody is paid for more than it delivered on
    ///      average. For a submission of all that was pledged.
    function testFuzz_paid_neverMoreThanDeliveredOnAverage(uint8[4] memory promises, uint8[4] memory parts, uint8 now_)
        public
        pure
    {
        uint256 pledged = 1 + uint256(now_);
        Pledges.Record memory r = Pledges.Record(pledged, 0, 0);
        uint256 delivered = 0;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 d = uint256(promises[i]) * parts[i] / 255;
            delivered += d;
            Pledges.add(r, promises[i], d);
        }
        uint256 groups = Pledges.paid(r, pledged * 1e18, pledged);
        assertTrue(groups <= delivered * 1e18 / 4, "groups paid for, of those delivered a window");
    }
}
