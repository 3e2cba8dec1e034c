"""Contraction trees and the search for them; the one home of cotengra and opt_einsum."""
