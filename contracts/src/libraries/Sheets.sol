// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What a validator says of its seats: two bits for each, in the order of commitments and seats. Twin of
///        grail/settlement/sheets.py; vectors in tests/vectors/sheets.json.
/// @dev In pages of LeafTree.PAGE commitments: two bytes with the number of the page's entries, then the entries, the
///      first in the lowest bits. Every string of bytes is a sheet: what it does not say is silence.
library Sheets {
    uint256 internal constant SILENT = 0;
    uint256 internal constant ACCEPT = 1;
    uint256 internal constant REJECT = 2;
    uint256 internal constant ABSTAIN = 3;

    /// @notice Entry number `rank` of page `page`.
    function entry(bytes calldata sheet, uint256 page, uint256 rank) internal pure returns (uint256) {
        (uint256 at_, uint256 count) = find(sheet, page);
        return rank < count ? read(sheet, at_, rank) : SILENT;
    }

    /// @notice Where a page's entries begin, and how many there are.
    function find(bytes calldata sheet, uint256 page) internal pure returns (uint256 at_, uint256 count) {
        for (uint256 i = 0;; ++i) {
            if (at_ + 2 > sheet.length) return (at_, 0);
            count = uint256(uint8(sheet[at_])) << 8 | uint8(sheet[at_ + 1]);
            at_ += 2;
            if (i == page) return (at_, count);
            at_ += (count + 3) / 4;
        }
    }

    function read(bytes calldata sheet, uint256 at_, uint256 rank) internal pure returns (uint256) {
        uint256 place = at_ + rank / 4;
        return place < sheet.length ? uint8(sheet[place]) >> 2 * (rank % 4) & 3 : SILENT;
    }
}
