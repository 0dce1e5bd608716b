"""The words from which the names and roles of synthetic operators are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.domain.values import Role

if TYPE_CHECKING:
    pass


ADJECTIVES = (
    "Amber",
    "Boreal",
    "Cobalt",
    "Delta",
    "Eastern",
    "Fair",
    "Granite",
    "Harbour",
    "Inland",
    "Jade",
    "Keystone",
    "Lantern",
    "Meridian",
    "Northern",
    "Orchard",
    "Pioneer",
    "Quiet",
    "River",
    "Silver",
    "Tidal",
    "United",
    "Valley",
    "Western",
    "Zenith",
)


TRADES = (
    "Bearings",
    "Ceramics",
    "Chemicals",
    "Components",
    "Electronics",
    "Fasteners",
    "Foods",
    "Forwarding",
    "Freight",
    "Fruit",
    "Furniture",
    "Glass",
    "Instruments",
    "Logistics",
    "Machines",
    "Motors",
    "Optics",
    "Paper",
    "Pharma",
    "Plastics",
    "Shipping",
    "Steel",
    "Textiles",
    "Timber",
    "Tools",
    "Toys",
    "Trading",
    "Warehousing",
)


#: "Imaginary trader number N", in the home's own script.
LOCAL = {"CN": "虚构贸易{}号有限公司", "JP": "架空貿易{}号株式会社", "KR": "가상무역{}호 주식회사"}


ROLES = (
    (Role.IMPORTER, Role.EXPORTER),
    (Role.EXPORTER, Role.MANUFACTURER),
    (Role.EXPORTER,),
    (Role.IMPORTER,),
    (Role.FREIGHT_FORWARDER,),
    (Role.CUSTOMS_BROKER,),
    (Role.CARRIER,),
    (Role.WAREHOUSE_KEEPER,),
    (Role.TERMINAL_OPERATOR,),
    (Role.EXPRESS_CARRIER,),
)
