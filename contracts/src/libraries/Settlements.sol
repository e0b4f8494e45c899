// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Lookup} from "./SumTree.sol";

/// @notice One revealed score sheet: its sealed sum tree and the validator's stake at the reveal, in wei.
struct Reveal {
    address validator;
    bytes32 root;
    uint128 sum;
    uint128 stake;
}

/// @notice What a window is to pay.
/// @param scoreRoot sealed sum tree of the settled scores, keyed by miner; `scoreSum` their sum
/// @param payoutRoot sealed sum tree of the payouts, keyed by Payouts.key; `payoutSum` their sum in wei
/// @param counted bit i says that the i-th reveal's sheet could be read and is counted
/// @param table keccak-256 of all leaves in the object store
struct Terms {
    bytes32 scoreRoot;
    uint128 scoreSum;
    bytes32 payoutRoot;
    uint128 payoutSum;
    uint32 payoutSize;
    uint256 counted;
    bytes32 table;
}

/// @notice Everything that decides one miner's payout. `sheets` has a lookup for each counted reveal, in order.
struct Column {
    address miner;
    Lookup settled;
    Lookup payout;
    Lookup[] sheets;
}
