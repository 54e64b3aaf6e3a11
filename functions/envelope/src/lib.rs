//! placeholder
use common::store::Store;
use utoipa_axum::router::OpenApiRouter;
pub fn routes() -> OpenApiRouter<Store> {
    OpenApiRouter::new()
}
