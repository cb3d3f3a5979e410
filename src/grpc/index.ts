export { createDescriptorLearner, type DescriptorLearner, type LearnedDescriptors } from './reflection/learner.ts';
export {
  createDescriptorPool,
  type DescriptorPool,
  type DescriptorSource,
  type PoolFile,
} from './reflection/descriptor-pool.ts';
export { createReflectionResponder, type ReflectionResponder, type ReflectionView } from './reflection/responder.ts';
