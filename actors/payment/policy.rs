//! What the payment makes of the order's facts: hold when it is placed, take when the kitchens have answered, give back
//! when it comes to a bad end. An order that expires while its payment is being authorised is reversed as well.

use uuid::Uuid;

use super::{command::PaymentCommand, decide::Payment};
use crate::{
    event::{DecodeError, Recorded},
    ids::{OrderId, PaymentId},
    order::event::OrderEvent,
    reactor::Policy,
};

/// The payment service's choreography.
#[derive(Clone, Copy, Debug)]
pub struct PaymentPolicy;

impl Policy for PaymentPolicy {
    type Decider = Payment;
    const NAME: &'static str = "payment";
    const KINDS: &'static [&'static str] =
        &["order.placed", "order.accepted", "order.rejecting", "order.cancel_requested", "order.expired"];

    fn react(fact: &Recorded) -> Result<Vec<(Uuid, PaymentCommand)>, DecodeError> {
        let order_id = OrderId(fact.stream.id);
        let command = match fact.typed::<OrderEvent>()? {
            OrderEvent::Placed(placed) => PaymentCommand::Authorize {
                order_id,
                amount: placed.totals.total,
                payment_method: placed.payment_method,
            },
            OrderEvent::Accepted(accepted) => PaymentCommand::Capture { amount: accepted.total },
            OrderEvent::Rejecting(_) | OrderEvent::CancelRequested(_) | OrderEvent::Expired(_) => {
                PaymentCommand::Reverse { order_id }
            }
            _ => return Ok(vec![]),
        };
        Ok(vec![(PaymentId::of(order_id).0, command)])
    }

    fn begins(command: &PaymentCommand) -> bool {
        matches!(command, PaymentCommand::Authorize { .. })
    }
}
