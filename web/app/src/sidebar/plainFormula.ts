// Commands that have a letter or a sign of their own.
const pairs = 'alpha α beta β gamma γ delta δ epsilon ε zeta ζ eta η theta θ kappa κ lambda λ mu μ nu ν xi ξ pi π rho ρ sigma σ tau τ phi φ chi χ psi ψ omega ω '
  + 'Gamma Γ Delta Δ Theta Θ Lambda Λ Sigma Σ Phi Φ Psi Ψ Omega Ω times × cdot · le ≤ leq ≤ ge ≥ geq ≥ ne ≠ neq ≠ to → infty ∞ in ∈ sum ∑ int ∫ sqrt √ pm ± approx ≈';
const signs = new Map([...pairs.matchAll(/(\S+) (\S+)/g)].map(([, name, sign]) => [name!, sign!]));

// Commands that are written as they are called.
const words = /^(det|tr|sin|cos|tan|log|ln|lim|max|min|ker|dim)$/;

/** A formula as far as a line of text can show it: λ for \lambda, and nothing of what only gives it its shape. */
export function plainFormula(tex: string): string {
  return tex
    .replace(/\\([A-Za-z]+|.)/g, (_, name: string) => signs.get(name) ?? (words.test(name) ? name : ' '))
    .replace(/[{}]/g, '');
}
