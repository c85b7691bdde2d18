package console

import "net/http"

// openAPI sends the description of the API.
func (s *Server) openAPI(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, assets, "assets/openapi.json")
}
