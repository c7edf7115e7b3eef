"""The order state change matrices of FIX: Volume 4, appendix D of FIX 4.4 (numbers such as C.1.b), D1 to D36 in FIX 4.2.

Each scenario is what is said and, behind the bar, what the order then is: status, OrderQty, CumQty, LeavesQty and, where the appendix
speaks of it, AvgPx. ``-``: nothing new is said. Ours is the view of whoever sent the order: it is PENDING_NEW when it is sent, and pending
cancel or replace from the command on, where the appendix shows the broker's view, from its report on. A report that crosses a request on
the wire is therefore written before the request. "Restated" is a ``new`` report here. Not here: order status requests (G), stopped orders
and guarantees (L.1.a), orders in cash (L.1.b); E.1.a, an order by telephone, is an unknown order (test_order_bugs.py).

Statuses and quantities of A.1.b, B.1.c, B.1.e, B.1.f, C.1.b, C.2.a, C.3.a, C.3.b, D.1.a, D.1.c, D.2.b, D.2.c, E.1.b, E.1.c, F.1.b, H.1.a,
H.1.c, H.1.d and J.1.a to J.1.c are those of the appendix (https://www.onixs.biz/fix-dictionary/4.4/app_d.html and its 4.2, 4.3 and 5.0);
the others tell the scenario of that name in numbers of our own.
"""

from __future__ import annotations

SCENARIOS = {
    "A.1.a filled order (D1)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 2000@50              | PARTIALLY_FILLED  10000  2000   8000  50
        fill 1000@53              | PARTIALLY_FILLED  10000  3000   7000  51
        fill 7000@51              | FILLED            10000 10000      0  51
    """,
    "A.1.a the order is rejected (D1)": """
        place 10000               | PENDING_NEW       10000     0  10000
        rejected                  | REJECTED          10000     0      0
    """,
    "A.1.b part-filled day order, done for day (D2)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 2000@50              | PARTIALLY_FILLED  10000  2000   8000
        fill 1000@50              | PARTIALLY_FILLED  10000  3000   7000
        done_for_day              | DONE_FOR_DAY      10000  3000      0
    """,
    "B.1.a cancel of a zero-filled order (D3)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        cancel                    | PENDING_CANCEL    10000     0  10000
        pending_cancel            | -
        canceled                  | CANCELED          10000     0      0
    """,
    "B.1.a the cancel is rejected (D3)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        cancel                    | PENDING_CANCEL    10000     0  10000
        cancel_rejected           | NEW               10000     0  10000
    """,
    "B.1.b cancel of a part-filled order, executions while it is active (D4)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 2000@50              | PARTIALLY_FILLED  10000  2000   8000
        fill 3000@50              | PARTIALLY_FILLED  10000  5000   5000
        cancel                    | PENDING_CANCEL    10000  5000   5000
        pending_cancel            | -
        fill 1000@50              | PENDING_CANCEL    10000  6000   4000
        canceled                  | CANCELED          10000  6000      0
    """,
    "B.1.b the cancel is rejected (D4)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 2000@50              | PARTIALLY_FILLED  10000  2000   8000
        cancel                    | PENDING_CANCEL    10000  2000   8000
        fill 1000@50              | PENDING_CANCEL    10000  3000   7000
        cancel_rejected           | PARTIALLY_FILLED  10000  3000   7000
    """,
    "B.1.c filled before the cancel can be accepted (D5)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 2000@50              | PARTIALLY_FILLED  10000  2000   8000
        fill 3000@50              | PARTIALLY_FILLED  10000  5000   5000
        cancel                    | PENDING_CANCEL    10000  5000   5000
        pending_cancel            | -
        fill 5000@50              | PENDING_CANCEL    10000 10000      0
        cancel_rejected           | FILLED            10000 10000      0
    """,
    "B.1.d cancel of an order that is not yet acknowledged": """
        place 10000               | PENDING_NEW       10000     0  10000
        cancel                    | PENDING_CANCEL    10000     0  10000
        pending_cancel            | -
        canceled                  | CANCELED          10000     0      0
    """,
    "B.1.e the acknowledgement and the cancel cross": """
        place 10000               | PENDING_NEW       10000     0  10000
        cancel                    | PENDING_CANCEL    10000     0  10000
        new                       | PENDING_CANCEL    10000     0  10000
        pending_cancel            | -
        canceled                  | CANCELED          10000     0      0
    """,
    "B.1.f cancel of an unknown order": """
        cancel                    | REJECTED           none     0      0
    """,
    "C.1.a zero-filled order, replace to increase (D6)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        replace 11000             | PENDING_REPLACE   10000     0  10000
        pending_replace           | -
        replaced                  | NEW               11000     0  11000
        fill 1000@50              | PARTIALLY_FILLED  11000  1000  10000
        fill 2000@50              | PARTIALLY_FILLED  11000  3000   8000
    """,
    "C.1.a the replace is rejected (D6)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        replace 11000             | PENDING_REPLACE   10000     0  10000
        replace_rejected          | NEW               10000     0  10000
    """,
    "C.1.b part-filled order, replace to increase, execution while pending (D7)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 1000@50              | PARTIALLY_FILLED  10000  1000   9000
        replace 12000             | PENDING_REPLACE   10000  1000   9000
        pending_replace           | -
        fill 100@50               | PENDING_REPLACE   10000  1100   8900
        replaced                  | PARTIALLY_FILLED  12000  1100  10900
        fill 10900@50             | FILLED            12000 12000      0
    """,
    "C.1.b the replace is rejected after the execution (D7)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 1000@50              | PARTIALLY_FILLED  10000  1000   9000
        replace 12000             | PENDING_REPLACE   10000  1000   9000
        fill 100@50               | PENDING_REPLACE   10000  1100   8900
        replace_rejected          | PARTIALLY_FILLED  10000  1100   8900
    """,
    "C.1.c filled order, replace to increase (D8)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 10000@50             | FILLED            10000 10000      0
        replace 12000             | PENDING_REPLACE   10000 10000      0
        pending_replace           | -
        replaced                  | PARTIALLY_FILLED  12000 10000   2000
        fill 2000@50              | FILLED            12000 12000      0
    """,
    "C.1.c the replace is rejected (D8)": """
        place 10000               | PENDING_NEW       10000     0  10000
        fill 10000@50             | FILLED            10000 10000      0
        replace 12000             | PENDING_REPLACE   10000 10000      0
        replace_rejected          | FILLED            10000 10000      0
    """,
    "C.2.a replace of the price is rejected, for a fill has occurred (D9)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 1000@50              | PARTIALLY_FILLED  10000  1000   9000
        fill 9000@50              | FILLED            10000 10000      0
        replace @51               | FILLED            10000 10000      0
    """,
    "C.3.a replace to decrease, still above what is filled (D10)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 1000@50              | PARTIALLY_FILLED  10000  1000   9000
        fill 500@50               | PARTIALLY_FILLED  10000  1500   8500
        replace 8000              | PENDING_REPLACE   10000  1500   8500
        fill 100@50               | PENDING_REPLACE   10000  1600   8400
        replaced                  | PARTIALLY_FILLED   8000  1600   6400
        fill 6400@50              | FILLED             8000  8000      0
    """,
    "C.3.b replace to decrease, to what is filled (D11)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        replace 7000              | PENDING_REPLACE   10000     0  10000
        fill 7000@50              | PENDING_REPLACE   10000  7000   3000
        replaced                  | FILLED             7000  7000      0
    """,
    "C.3.c replace to decrease, below what is filled: amended to that (D12)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        replace 7000              | PENDING_REPLACE   10000     0  10000
        fill 8000@50              | PENDING_REPLACE   10000  8000   2000
        replaced                  | FILLED             8000  8000      0
    """,
    "D.1.a one replace is accepted, then another (D13)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 1000@50              | PARTIALLY_FILLED  10000  1000   9000
        replace 8000              | PENDING_REPLACE   10000  1000   9000
        fill 500@50               | PENDING_REPLACE   10000  1500   8500
        replaced                  | PARTIALLY_FILLED   8000  1500   6500
        fill 2000@50              | PARTIALLY_FILLED   8000  3500   4500
        replace 6000              | PENDING_REPLACE    8000  3500   4500
        fill 500@50               | PENDING_REPLACE    8000  4000   4000
        replaced                  | PARTIALLY_FILLED   6000  4000   2000
        fill 2000@50              | FILLED             6000  6000      0
    """,
    "D.1.b one replace is rejected before it is pending, another accepted (D14)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 1000@50              | PARTIALLY_FILLED  10000  1000   9000
        replace 8000              | PENDING_REPLACE   10000  1000   9000
        replace_rejected          | PARTIALLY_FILLED  10000  1000   9000
        fill 500@50               | PARTIALLY_FILLED  10000  1500   8500
        replace 6000              | PENDING_REPLACE   10000  1500   8500
        pending_replace           | -
        replaced                  | PARTIALLY_FILLED   6000  1500   4500
    """,
    "D.1.c one replace is rejected after it was pending, another accepted (D15)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 1000@50              | PARTIALLY_FILLED  10000  1000   9000
        replace 8000              | PENDING_REPLACE   10000  1000   9000
        pending_replace           | -
        fill 500@50               | PENDING_REPLACE   10000  1500   8500
        replace_rejected          | PARTIALLY_FILLED  10000  1500   8500
        fill 2000@50              | PARTIALLY_FILLED  10000  3500   6500
        replace 6000              | PENDING_REPLACE   10000  3500   6500
        replaced                  | PARTIALLY_FILLED   6000  3500   2500
        fill 1500@50              | PARTIALLY_FILLED   6000  5000   1000
    """,
    "D.2.a two replaces at once, processed one by one (D16)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 1000@50              | PARTIALLY_FILLED  10000  1000   9000
        replace 8000              | PENDING_REPLACE   10000  1000   9000
        replace 7000              | PENDING_REPLACE   10000  1000   9000
        replaced                  | PENDING_REPLACE    8000  1000   7000
        replaced                  | PARTIALLY_FILLED   7000  1000   6000
        fill 6000@50              | FILLED             7000  7000      0
    """,
    "D.2.b two replaces at once, both pending before either is done": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 1000@50              | PARTIALLY_FILLED  10000  1000   9000
        replace 8000              | PENDING_REPLACE   10000  1000   9000
        replace 7000              | PENDING_REPLACE   10000  1000   9000
        pending_replace           | -
        pending_replace           | -
        replaced 8000             | PENDING_REPLACE    8000  1000   7000
        replaced 7000             | PARTIALLY_FILLED   7000  1000   6000
        fill 6000@50              | FILLED             7000  7000      0
    """,
    "D.2.c two replaces at once, the second is rejected for one is pending": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 1000@50              | PARTIALLY_FILLED  10000  1000   9000
        replace 8000              | PENDING_REPLACE   10000  1000   9000
        replace 7000              | PENDING_REPLACE   10000  1000   9000
        replace_rejected          | PENDING_REPLACE   10000  1000   9000
        replaced                  | PARTIALLY_FILLED   8000  1000   7000
        fill 2000@50              | PARTIALLY_FILLED   8000  3000   5000
    """,
    "E.1.b unsolicited cancel of a part-filled order (D19)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 1000@50              | PARTIALLY_FILLED  10000  1000   9000
        canceled                  | CANCELED          10000  1000      0
    """,
    "E.1.c unsolicited replacement of a part-filled order (D20)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        replaced 11000            | NEW               11000     0  11000
        fill 1000@50              | PARTIALLY_FILLED  11000  1000  10000
        replaced 12000            | PARTIALLY_FILLED  12000  1000  11000
    """,
    "E.1.d unsolicited reduction of the quantity by the venue": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        replaced 9000             | NEW                9000     0   9000
        fill 1000@50              | PARTIALLY_FILLED   9000  1000   8000
    """,
    "F.1.a an id that was used before": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 1000@50              | PARTIALLY_FILLED  10000  1000   9000
        place 15000               | REJECTED          15000     0      0
        fill 1000@50              | PARTIALLY_FILLED  10000  2000   8000
    """,
    "F.1.b the order is sent again, it may have been lost (D31)": """
        place 10000 key=k         | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        place 10000 key=k         | -
        fill 1000@50              | PARTIALLY_FILLED  10000  1000   9000
    """,
    "F.1.c rejected, for it was given by telephone before": """
        place 10000               | PENDING_NEW       10000     0  10000
        rejected                  | REJECTED          10000     0      0
    """,
    "H.1.a good till canceled: part-filled, restated, part-filled the day after (D27)": """
        place 10000 gtc           | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 2000@50              | PARTIALLY_FILLED  10000  2000   8000
        done_for_day              | DONE_FOR_DAY      10000  2000   8000
        new                       | PARTIALLY_FILLED  10000  2000   8000
        fill 1000@50              | PARTIALLY_FILLED  10000  3000   7000
    """,
    "H.1.a the restatement, which is optional, is left out (D27)": """
        place 10000 gtc           | PENDING_NEW       10000     0  10000
        fill 2000@50              | PARTIALLY_FILLED  10000  2000   8000
        done_for_day              | DONE_FOR_DAY      10000  2000   8000
        fill 1000@50              | PARTIALLY_FILLED  10000  3000   7000
    """,
    "H.1.b good till canceled: a 2:1 split between fills": """
        place 10000 gtc           | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 2000@50              | PARTIALLY_FILLED  10000  2000   8000  50
        done_for_day              | DONE_FOR_DAY      10000  2000   8000  50
        split 2                   | DONE_FOR_DAY      20000  4000  16000  25
        new                       | PARTIALLY_FILLED  20000  4000  16000  25
        fill 5000@25              | PARTIALLY_FILLED  20000  9000  11000  25
        fill 11000@25             | FILLED            20000 20000      0  25
    """,
    "H.1.c good till canceled: restated, then canceled the day after (D29)": """
        place 10000 gtc           | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 2000@50              | PARTIALLY_FILLED  10000  2000   8000
        done_for_day              | DONE_FOR_DAY      10000  2000   8000
        new                       | PARTIALLY_FILLED  10000  2000   8000
        cancel                    | PENDING_CANCEL    10000  2000   8000
        canceled                  | CANCELED          10000  2000      0
    """,
    "H.1.d good till canceled: restated, then replaced to increase (D30)": """
        place 10000 gtc           | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 2000@50              | PARTIALLY_FILLED  10000  2000   8000
        done_for_day              | DONE_FOR_DAY      10000  2000   8000
        new                       | PARTIALLY_FILLED  10000  2000   8000
        replace 15000             | PENDING_REPLACE   10000  2000   8000
        fill 1000@50              | PENDING_REPLACE   10000  3000   7000
        replaced                  | PARTIALLY_FILLED  15000  3000  12000
    """,
    "I.1.a fill or kill that cannot be filled": """
        place 10000 fok           | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        canceled                  | CANCELED          10000     0      0
    """,
    "I.1.b immediate or cancel that is not hit in full": """
        place 10000 ioc           | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 1000@50              | PARTIALLY_FILLED  10000  1000   9000
        canceled                  | CANCELED          10000  1000      0
    """,
    "J.1.a filled order, then executions are corrected and canceled (D34)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 1000@100 id=C        | PARTIALLY_FILLED  10000  1000   9000  100
        fill 9000@110 id=D        | FILLED            10000 10000      0  109
        bust C id=E               | PARTIALLY_FILLED  10000  9000   1000  110
        correct D 9000@100 id=F   | PARTIALLY_FILLED  10000  9000   1000  100
        fill 1000@120 id=G        | FILLED            10000 10000      0  102
        correct F 9000@120 id=H   | FILLED            10000 10000      0  120
        replace 12000             | PENDING_REPLACE   10000 10000      0  120
        replaced                  | PARTIALLY_FILLED  12000 10000   2000  120
        correct H 9500@120 id=K   | PARTIALLY_FILLED  12000 10500   1500  120
    """,
    "J.1.b canceled order, then an execution is busted and another reported (D35)": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 5000@50 id=B         | PARTIALLY_FILLED  10000  5000   5000
        cancel                    | PENDING_CANCEL    10000  5000   5000
        canceled                  | CANCELED          10000  5000      0
        bust B                    | CANCELED          10000     0      0
        fill 4000@51              | CANCELED          10000  4000      0  51
    """,
    "J.1.c good till canceled: executions of both days are corrected (D36)": """
        place 10000 gtc           | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 2000@50 id=B         | PARTIALLY_FILLED  10000  2000   8000
        done_for_day              | DONE_FOR_DAY      10000  2000   8000
        new                       | PARTIALLY_FILLED  10000  2000   8000
        fill 1000@50 id=E         | PARTIALLY_FILLED  10000  3000   7000
        correct B 1500@50 id=F    | PARTIALLY_FILLED  10000  2500   7500
        correct E 500@50 id=G     | PARTIALLY_FILLED  10000  2000   8000
    """,
    "J.1.d part-filled day order, done for day, then a correction and a bust": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        fill 2000@50 id=B         | PARTIALLY_FILLED  10000  2000   8000
        done_for_day              | DONE_FOR_DAY      10000  2000      0
        correct B 1500@51 id=F    | DONE_FOR_DAY      10000  1500      0  51
        bust F                    | DONE_FOR_DAY      10000     0      0
    """,
    "K.1.a trading halt: suspended, then reinstated": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        suspended                 | SUSPENDED         10000     0  10000
        new                       | NEW               10000     0  10000
        fill 1000@50              | PARTIALLY_FILLED  10000  1000   9000
    """,
    "K.1.b trading halt: canceled": """
        place 10000               | PENDING_NEW       10000     0  10000
        new                       | NEW               10000     0  10000
        canceled                  | CANCELED          10000     0      0
    """,
}
